"""Who is signed in: a session is a random token that ends."""

import re
from datetime import timedelta

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models.tables import WebSessionRow
from tests.support.auth_app import HANAKO, PASSWORD, TARO, AuthApp, cookies
from tests.support.web import hidden_fields
from web.common.auth.access import local_path
from web.common.auth.guesses import KNOWN_FOR
from web.common.auth.sessions import IDLE, LONGEST
from web.yayoi.accounts.sign_in import WRONG
from web.yayoi.accounts.signed_in import CustomerSessions


async def test_whoever_is_not_signed_in_is_led_there_and_back(auth_app: AuthApp) -> None:
    turned_away = await auth_app.http.get("/private?a=1&b=%2F")
    assert turned_away.status_code == 303
    there = turned_away.headers["location"]
    assert there == "/sign-in?next=/private%3Fa%3D1%26b%3D%252F"
    page = await auth_app.http.get(there)
    assert hidden_fields(page)["next"] == "/private?a=1&b=%2F"
    answer = await auth_app.http.post("/sign-in", data=hidden_fields(page) | {"yayoi_id": HANAKO, "password": PASSWORD})
    assert (answer.status_code, answer.headers["location"]) == (303, "/private?a=1&b=%2F")
    assert await auth_app.whoami() == HANAKO


async def test_the_session_is_a_random_token_of_which_only_the_hash_is_kept(auth_app: AuthApp) -> None:
    answer = await auth_app.sign_in()
    token = cookies(answer)["session"].value
    assert len(token) >= 43  # 256 bits
    [row] = await auth_app.rows(WebSessionRow)
    assert isinstance(row, WebSessionRow)
    assert token not in (row.token_hash, row.person.yayoi_id)
    assert len(row.token_hash) == 64


async def test_cookies_are_for_this_site_alone_and_out_of_reach_of_scripts(
    auth_app: AuthApp, auth_app_with_tls: AuthApp
) -> None:
    for where, prefix, secure in ((auth_app, "", False), (auth_app_with_tls, "__Host-", True)):
        assert not cookies(await where.http.get("/form"))
        given = cookies(await where.sign_in())
        assert set(given) == {f"{prefix}session", f"{prefix}device"}
        for cookie in given.values():
            assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "lax", "/")
            assert bool(cookie["secure"]) is secure
            assert cookie["domain"] == cookie["expires"] == ""
        assert given[f"{prefix}session"]["max-age"] == ""
        assert given[f"{prefix}device"]["max-age"] == str(int(KNOWN_FOR.total_seconds()))


async def test_signing_in_again_ends_the_session_before(auth_app: AuthApp) -> None:
    first = cookies(await auth_app.sign_in())["session"].value
    second = cookies(await auth_app.sign_in())["session"].value
    assert first != second
    assert len(await auth_app.rows(WebSessionRow)) == 1
    auth_app.http.cookies.set("session", first, domain="web.test")
    assert (await auth_app.http.get("/private", headers={"cookie": f"session={first}"})).status_code == 303


async def test_signing_out_ends_the_session_here_and_in_the_browser(auth_app: AuthApp) -> None:
    token = cookies(await auth_app.sign_in())["session"].value
    assert (await auth_app.http.get("/sign-out")).status_code == 405  # no link signs anybody out
    answer = await auth_app.http.post("/sign-out")
    assert answer.status_code == 303
    assert "session" not in auth_app.http.cookies
    assert (await auth_app.http.get("/private", headers={"cookie": f"session={token}"})).status_code == 303
    assert await auth_app.rows(WebSessionRow) == []


async def test_a_session_ends_when_it_is_idle(auth_app: AuthApp) -> None:
    await auth_app.sign_in()
    for _ in range(3):
        auth_app.clock.time += IDLE - timedelta(seconds=1)
        assert await auth_app.whoami() == HANAKO
    auth_app.clock.time += IDLE
    assert (await auth_app.http.get("/private")).status_code == 303


async def test_a_session_ends_after_twelve_hours_however_busy(auth_app: AuthApp) -> None:
    await auth_app.sign_in()
    begun = auth_app.clock.time
    while auth_app.clock.time + IDLE / 2 < begun + LONGEST:
        auth_app.clock.time += IDLE / 2
        assert await auth_app.whoami() == HANAKO
    auth_app.clock.time = begun + LONGEST
    assert (await auth_app.http.get("/private")).status_code == 303
    await auth_app.app.state.services[CustomerSessions].forget()
    assert await auth_app.rows(WebSessionRow) == []


@pytest.mark.parametrize("token", ["", "x", "0" * 64, "é", "a" * 5000])
async def test_a_made_up_session_is_nobodys(auth_app: AuthApp, token: str) -> None:
    answer = await auth_app.http.get("/private", headers={b"cookie": f"session={token}".encode("latin-1")})
    assert answer.status_code == 303


async def test_the_answer_is_the_same_whether_or_not_the_address_exists(auth_app: AuthApp) -> None:
    tries = [
        (HANAKO, "Aa3!aaab"),  # the wrong password
        (HANAKO, ""),
        (TARO, PASSWORD),  # an ID without password
        ("nobody@shouji.example.jp", PASSWORD),
        ("no address", PASSWORD),
        ("", ""),
        ("x" * 5000, "y" * 5000),
    ]
    answers = [await auth_app.sign_in(yayoi_id, password) for yayoi_id, password in tries]
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
async def test_nobody_is_sent_elsewhere_after_signing_in(auth_app: AuthApp, there: str) -> None:
    assert (await auth_app.sign_in(there=there)).headers["location"] == "/"


@given(st.text(max_size=30).map(lambda rest: f"/{rest}"))
@example("/relink?a=1#b")
def test_where_one_is_led_is_always_a_path_of_this_site(path: str) -> None:
    led = local_path(path)
    assert str(httpx.URL("http://web.test").join(led)).startswith("http://web.test/")
    assert led in {path, "/"}
