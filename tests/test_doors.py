"""The doors: who is signed in, which forms are ours, and how often one may try."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from http.cookies import Morsel, SimpleCookie

import httpx
import pytest
import pytest_asyncio
from argon2 import PasswordHasher
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.templating import Jinja2Templates
from hypothesis import example, given
from hypothesis import strategies as st
from jinja2 import DictLoader, Environment
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from models.identifiers import YayoiId
from models.tables import CredentialRow, RateCountRow, WebSessionRow, YayoiIdRow
from tests.web_world import hidden_fields
from web.doors import Doors, Limit, client_address
from web.doors.doors import STALE_FORM, UNREADABLE_FORM, local_path
from web.doors.forms import VALID
from web.doors.pages import WRONG, doors_pages
from web.doors.sessions import IDLE, LONGEST
from web.problems import answer_problems
from web.protection import SecurityHeaders
from workers import database
from workers.settings import Settings

HANAKO = YayoiId("hanako@shouji.example.jp")
TARO = YayoiId("taro@shouji.example.jp")
PASSWORD = "Aa3!aaaa"
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""A hash says itself what it costs: the tests' ones cost little."""
PAGES = {
    "problem.html": "{{ title }}：{{ detail }}",
    "sign_in.html": '<form method="post" action="/sign-in">{{ csrf(request) }}'
    '<input type="hidden" name="next" value="{{ next }}">{{ error }}</form>',
    "form.html": '<form method="post" action="/form">{{ csrf(request) }}</form>',
}


@dataclass
class Clock:
    """The time as the doors see it."""

    time: datetime = datetime(2026, 11, 5, 1, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time


@dataclass
class House:
    """An app with one page of its own behind the doors."""

    doors: Doors
    sessions: async_sessionmaker[AsyncSession]
    http: httpx.AsyncClient
    clock: Clock
    taken: list[str] = field(default_factory=list)

    async def sign_in(
        self, yayoi_id: str = HANAKO, password: str = PASSWORD, there: str = "/private"
    ) -> httpx.Response:
        page = await self.http.get("/sign-in", params={"next": there})
        sent = hidden_fields(page) | {"yayoi_id": yayoi_id, "password": password}
        return await self.http.post("/sign-in", data=sent)

    async def send_form(self, **changed: str | None) -> httpx.Response:
        fields = hidden_fields(await self.http.get("/form")) | changed
        return await self.http.post("/form", data={name: value for name, value in fields.items() if value is not None})

    async def whoami(self) -> str:
        return (await self.http.get("/private")).text

    async def rows(self, table: type) -> list[object]:
        async with self.sessions() as session:
            return list(await session.scalars(select(table)))


@asynccontextmanager
async def house_on(sessions: async_sessionmaker[AsyncSession], *, https: bool = False) -> AsyncIterator[House]:
    clock = Clock()
    templates = Jinja2Templates(env=Environment(loader=DictLoader(PAGES), autoescape=True))
    doors = Doors(sessions, secret_key="secret", https=https, now=clock.now)
    app = FastAPI()
    doors.open_on(app, templates)
    answer_problems(app, templates)
    app.add_middleware(SecurityHeaders, https=https)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="https://web.test" if https else "http://web.test"
    ) as http:
        house = House(doors, sessions, http, clock)
        app.include_router(doors_pages(sessions, doors, templates))
        app.include_router(_pages(house, templates))
        yield house


def _pages(house: House, templates: Jinja2Templates) -> APIRouter:
    router = APIRouter(dependencies=[Depends(house.doors.checked)])

    @router.get("/form")
    async def form(request: Request) -> Response:
        return templates.TemplateResponse(request, "form.html")

    @router.post("/form")
    async def take(request: Request) -> Response:
        house.taken.append(str((await request.form()).get("what", "")))
        return Response("taken")

    @router.get("/private")
    async def private(request: Request) -> Response:
        return Response((await house.doors.require(request)).yayoi_id)

    @router.get("/tried")
    async def tried(request: Request) -> Response:
        await house.doors.limit(Limit.SIGN_IN, request.query_params["key"])
        return Response("tried")

    @router.get("/fails")
    async def fails(request: Request) -> Response:
        raise LookupError(f"no {request.query_params['name']}")

    return router


@pytest_asyncio.fixture
async def house(sessions: async_sessionmaker[AsyncSession]) -> AsyncIterator[House]:
    await fill(sessions)
    async with house_on(sessions) as house:
        yield house


@pytest_asyncio.fixture
async def house_with_tls(house: House) -> AsyncIterator[House]:
    async with house_on(house.sessions, https=True) as with_tls:
        yield with_tls


async def fill(sessions: async_sessionmaker[AsyncSession]) -> None:
    """花子 has a password; 太郎 is registered without one."""
    async with sessions.begin() as session:
        for yayoi_id, name in ((HANAKO, "花子"), (TARO, "太郎")):
            session.add(YayoiIdRow(yayoi_id=yayoi_id, family_name="弥生", given_name=name))
        await session.flush()
        session.add(CredentialRow(yayoi_id=HANAKO, password_hash=QUICK.hash(PASSWORD)))


def cookies(answer: httpx.Response) -> dict[str, Morsel[str]]:
    jar: SimpleCookie = SimpleCookie()
    for header in answer.headers.get_list("set-cookie"):
        jar.load(header)
    return dict(jar)


# --- sessions --------------------------------------------------------------------------------------------------------


async def test_whoever_is_not_signed_in_is_led_there_and_back(house: House) -> None:
    turned_away = await house.http.get("/private?a=1&b=%2F")
    assert turned_away.status_code == 303
    there = turned_away.headers["location"]
    assert there == "/sign-in?next=/private%3Fa%3D1%26b%3D%252F"
    page = await house.http.get(there)
    assert hidden_fields(page)["next"] == "/private?a=1&b=%2F"
    answer = await house.http.post("/sign-in", data=hidden_fields(page) | {"yayoi_id": HANAKO, "password": PASSWORD})
    assert (answer.status_code, answer.headers["location"]) == (303, "/private?a=1&b=%2F")
    assert await house.whoami() == HANAKO


async def test_the_session_is_a_random_token_of_which_only_the_hash_is_kept(house: House) -> None:
    answer = await house.sign_in()
    token = cookies(answer)["session"].value
    assert len(token) >= 43  # 256 bits
    [row] = await house.rows(WebSessionRow)
    assert isinstance(row, WebSessionRow)
    assert token not in (row.token_hash, row.yayoi_id)
    assert len(row.token_hash) == 64


async def test_cookies_are_for_this_site_alone_and_out_of_reach_of_scripts(house: House, house_with_tls: House) -> None:
    for where, prefix, secure in ((house, "", False), (house_with_tls, "__Host-", True)):
        given = cookies(await where.http.get("/form")) | cookies(await where.sign_in())
        assert set(given) == {f"{prefix}form", f"{prefix}session"}
        for cookie in given.values():
            assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "lax", "/")
            assert bool(cookie["secure"]) is secure
            assert cookie["domain"] == cookie["max-age"] == cookie["expires"] == ""


async def test_signing_in_again_ends_the_session_before(house: House) -> None:
    first = cookies(await house.sign_in())["session"].value
    second = cookies(await house.sign_in())["session"].value
    assert first != second
    assert len(await house.rows(WebSessionRow)) == 1
    house.http.cookies.set("session", first, domain="web.test")
    assert (await house.http.get("/private", headers={"cookie": f"session={first}"})).status_code == 303


async def test_signing_out_ends_the_session_here_and_in_the_browser(house: House) -> None:
    token = cookies(await house.sign_in())["session"].value
    fields = hidden_fields(await house.http.get("/form"))
    assert (await house.http.get("/sign-out")).status_code == 405  # no link signs anybody out
    answer = await house.http.post("/sign-out", data=fields)
    assert answer.status_code == 303
    assert "session" not in house.http.cookies
    assert (await house.http.get("/private", headers={"cookie": f"session={token}"})).status_code == 303
    assert await house.rows(WebSessionRow) == []


async def test_a_session_ends_when_it_is_idle(house: House) -> None:
    await house.sign_in()
    for _ in range(3):
        house.clock.time += IDLE - timedelta(seconds=1)
        assert await house.whoami() == HANAKO
    house.clock.time += IDLE
    assert (await house.http.get("/private")).status_code == 303


async def test_a_session_ends_after_twelve_hours_however_busy(house: House) -> None:
    await house.sign_in()
    begun = house.clock.time
    while house.clock.time + IDLE / 2 < begun + LONGEST:
        house.clock.time += IDLE / 2
        assert await house.whoami() == HANAKO
    house.clock.time = begun + LONGEST
    assert (await house.http.get("/private")).status_code == 303
    await house.doors.forget()
    assert await house.rows(WebSessionRow) == []


@pytest.mark.parametrize("token", ["", "x", "0" * 64, "é", "a" * 5000])
async def test_a_made_up_session_is_nobodys(house: House, token: str) -> None:
    answer = await house.http.get("/private", headers={b"cookie": f"session={token}".encode("latin-1")})
    assert answer.status_code == 303


async def test_the_answer_is_the_same_whether_or_not_the_address_exists(house: House) -> None:
    tries = [
        (HANAKO, "Aa3!aaab"),  # the wrong password
        (HANAKO, ""),
        (TARO, PASSWORD),  # an ID without password
        ("nobody@shouji.example.jp", PASSWORD),
        ("no address", PASSWORD),
        ("", ""),
        ("x" * 5000, "y" * 5000),
    ]
    answers = [await house.sign_in(yayoi_id, password) for yayoi_id, password in tries]
    assert {answer.status_code for answer in answers} == {422}
    assert len({re.sub(r'value="[^"]*"', "", answer.text) for answer in answers}) == 1
    assert WRONG in answers[0].text
    assert all("session" not in cookies(answer) for answer in answers)


@pytest.mark.parametrize(
    "there",
    [
        "//evil.test/",
        "///evil.test/",
        "https://evil.test/",
        "/\\evil.test/",
        "\\\\evil.test",
        "javascript:alert(1)",
        "/\t/evil.test",
        "/\n/evil.test",
        "private",
        "",
        "http:/private",
        " /private",
        "//[",
    ],
)
async def test_nobody_is_sent_elsewhere_after_signing_in(house: House, there: str) -> None:
    assert (await house.sign_in(there=there)).headers["location"] == "/"


@given(st.text(max_size=30).map(lambda rest: f"/{rest}"))
@example("/relink?a=1#b")
def test_where_one_is_led_is_always_a_path_of_this_site(path: str) -> None:
    led = local_path(path)
    assert str(httpx.URL("http://web.test").join(led)).startswith("http://web.test/")
    assert led in {path, "/"}


# --- forms -----------------------------------------------------------------------------------------------------------


async def test_a_form_that_was_shown_is_taken_also_from_whoever_is_not_signed_in(house: House) -> None:
    assert (await house.send_form(what="one")).text == "taken"
    await house.sign_in()
    assert (await house.send_form(what="two")).text == "taken"
    assert house.taken == ["one", "two"]


@pytest.mark.parametrize("token", [None, "", "x", "x.y.z", "鍵", "." * 3000])
async def test_a_form_without_our_token_is_refused_with_what_to_do(house: House, token: str | None) -> None:
    answer = await house.send_form(csrf=token)
    assert answer.status_code == 403
    assert STALE_FORM in answer.text
    assert "フォームをもう一度開いて" in answer.text
    assert house.taken == []


async def test_a_token_of_another_browser_does_not_fit(house: House) -> None:
    fields = hidden_fields(await house.http.get("/form"))
    house.http.cookies.clear()
    assert (await house.http.post("/form", data=fields)).status_code == 403  # no cookie at all
    await house.http.get("/form")
    assert (await house.http.post("/form", data=fields)).status_code == 403  # this browser's own


async def test_a_cookie_and_a_token_that_somebody_made_up_do_not_fit(house: House) -> None:
    """The double-submit cookie is signed: to plant one of one's own choice is not enough."""
    answer = await house.http.post("/form", data={"csrf": "mine"}, headers={"cookie": "form=mine"})
    assert answer.status_code == 403


async def test_a_form_opened_before_signing_in_or_out_is_stale_afterwards(house: House) -> None:
    before = hidden_fields(await house.http.get("/form"))
    await house.sign_in()
    assert (await house.http.post("/form", data=before)).status_code == 403
    signed_in = hidden_fields(await house.http.get("/form"))
    assert (await house.http.post("/sign-out", data=signed_in)).status_code == 303
    assert (await house.http.post("/form", data=signed_in)).status_code == 403


async def test_a_form_of_yesterday_is_stale(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    fields = hidden_fields(await house.http.get("/form"))
    assert (await house.http.post("/form", data=fields)).status_code == 200
    signed_at = int(datetime.now(UTC).timestamp())
    for age, status in ((VALID - timedelta(minutes=1), 200), (VALID + timedelta(minutes=1), 403)):
        later = int(signed_at + age.total_seconds())
        monkeypatch.setattr("itsdangerous.timed.TimestampSigner.get_timestamp", lambda _, later=later: later)
        assert (await house.http.post("/form", data=fields)).status_code == status


@pytest.mark.parametrize(
    ("content_type", "content", "status"),
    [
        ("application/x-www-form-urlencoded", b"csrf=%ff", 403),
        ("application/json", b'{"csrf": "x"}', 403),
        ("text/plain", b"csrf=x", 403),
        ("multipart/form-data", b"x", 400),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="csrf"; filename="a"\r\n\r\n',
            400,
        ),
        ("application/x-www-form-urlencoded", b"&".join(b"a%d=1" % n for n in range(400)), 400),
    ],
)
async def test_whatever_else_is_sent_is_refused(house: House, content_type: str, content: bytes, status: int) -> None:
    answer = await house.http.post("/form", content=content, headers={"content-type": content_type})
    assert answer.status_code == status
    assert (STALE_FORM if status == HTTPStatus.FORBIDDEN else UNREADABLE_FORM) in answer.text
    assert house.taken == []


async def test_pages_that_are_only_read_need_no_token(house: House) -> None:
    assert (await house.http.get("/form")).status_code == 200
    assert (await house.http.head("/form")).status_code == 405  # no such page, and no refusal of the doors


# --- limits ----------------------------------------------------------------------------------------------------------


async def test_ten_wrong_passwords_close_an_account_for_a_while_and_no_other(house: House) -> None:
    for _ in range(8):
        await house.doors.limit(Limit.SIGN_IN, HANAKO)
    for _ in range(2):
        assert (await house.sign_in(password="wrong")).status_code == 422
    closed = await house.sign_in()  # the right one, too late
    assert closed.status_code == 429
    wait = int(closed.headers["retry-after"])
    assert 0 < wait <= 15 * 60
    assert f"{-(-wait // 60)} 分ほどたってから" in closed.text
    assert (await house.sign_in(HANAKO.upper())).status_code == 429  # typed otherwise, it is the same account
    assert (await house.sign_in(TARO)).status_code == 422
    house.clock.time += timedelta(seconds=wait)
    assert (await house.sign_in()).status_code == 303


async def test_many_accounts_tried_from_one_address_close_the_door_to_it(house: House) -> None:
    for _ in range(49):
        await house.doors.limit(Limit.SIGN_IN_FROM, "127.0.0.1")
    answers = [await house.sign_in(f"{number}@shouji.example.jp") for number in range(2)]
    assert [answer.status_code for answer in answers] == [422, 429]


async def test_tries_are_counted_one_by_one_however_many_come_at_once(house: House) -> None:
    answers = await asyncio.gather(*(house.http.get("/tried", params={"key": "one"}) for _ in range(25)))
    assert sorted(answer.status_code for answer in answers) == [200] * 10 + [429] * 15
    assert (await house.http.get("/tried", params={"key": "other"})).status_code == 200


async def test_neither_accounts_nor_addresses_are_kept_and_old_counts_are_deleted(house: House) -> None:
    await house.sign_in(password="wrong")
    rows = await house.rows(RateCountRow)
    assert len(rows) == 2
    for row in rows:
        assert isinstance(row, RateCountRow)
        assert re.fullmatch("[0-9a-f]{64}", row.key)
    house.clock.time += timedelta(hours=2)
    await house.doors.forget()
    assert await house.rows(RateCountRow) == []


@pytest.mark.parametrize(
    ("host", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("testclient", "testclient"),
    ],
)
def test_a_client_is_an_ipv4_address_or_an_ipv6_network(host: str, counted: str) -> None:
    assert client_address(Request({"type": "http", "client": (host, 1)})) == counted
    assert client_address(Request({"type": "http", "client": None})) == ""


# --- what protects answers, and what logs hold ----------------------------------------------------------------------


async def test_an_unexpected_error_is_answered_with_the_security_headers_and_logged_without_its_text(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        answer = await house.http.get("/fails", params={"name": HANAKO})
    assert answer.status_code == 500
    assert "処理できませんでした：しばらくしてから" in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert HANAKO not in caplog.text
    for told in ("GET /fails failed", "LookupError", "test_doors.py", "in fails"):
        assert told in caplog.text


async def test_over_tls_browsers_are_told_never_to_come_without(house: House, house_with_tls: House) -> None:
    for path in ("/form", "/nowhere", "/fails?name=x", "/private"):
        assert "strict-transport-security" not in (await house.http.get(path)).headers
        told = (await house_with_tls.http.get(path)).headers["strict-transport-security"]
        assert told == "max-age=31536000"


async def test_what_could_not_be_stored_is_in_no_error_text(database_url: str) -> None:
    """Postgres names the values that collide; processes log errors."""
    engine = database.engine(Settings(database_url=database_url))
    row = {"yayoi_id": HANAKO, "family_name": "弥生", "given_name": "花子"}
    statement = text(
        "insert into yayoi_ids (yayoi_id, family_name, given_name) values (:yayoi_id, :family_name, :given_name)"
    )
    async with engine.begin() as connection:
        await connection.execute(statement, row)
    with pytest.raises(IntegrityError) as caught:
        async with engine.begin() as connection:
            await connection.execute(statement, row)
    await engine.dispose()
    error: BaseException | None = caught.value
    assert "yayoi_ids_pkey" in str(error)
    assert getattr(caught.value.orig, "sqlstate", "") == "23505"
    while error is not None:
        assert HANAKO not in f"{error!s}{error!r}"
        error = error.__cause__ or error.__context__
