"""How often one may try: counted by who tries and from where, and never at the cost of an account's owner."""

import asyncio
import re
from datetime import timedelta

import httpx
import pytest
from fastapi import Request
from starlette.responses import Response

from models.common.secret_keys import SecretKeys
from models.tables import RateCountRow
from tests.support.auth_app import HANAKO, TARO, AuthApp, cookies
from tests.support.secret_key import SECRET_KEYS
from tests.support.web import Browser
from web.common.auth import SharedLimit, client_address
from web.common.auth.guesses import MOST_KNOWN, Devices
from web.common.problems import ProblemError
from web.yayoi.limits import YayoiGuess

MOST, OF_STRANGERS = SharedLimit.GUESSES.value.most, SharedLimit.GUESSES_OF_STRANGERS.value.most


async def wrong(auth_app: AuthApp, times: int, yayoi_id: str = HANAKO, *, http: Browser | None = None) -> list[int]:
    return [(await auth_app.sign_in(yayoi_id, "wrong", http=http)).status_code for _ in range(times)]


async def guessed_by_strangers(auth_app: AuthApp, times: int, account: str = HANAKO) -> None:
    """Wrong ones from as many lines as it takes."""
    for number in range(times):
        with pytest.raises(LookupError):
            await _guess(auth_app, f"198.51.{number // 250}.{number % 250}", account)


async def _guess(auth_app: AuthApp, address: str, account: str) -> None:
    request = Request({"type": "http", "client": (address, 1), "headers": []})
    async with auth_app.auth.guessing(request, YayoiGuess.SIGN_IN, account):
        raise LookupError("wrong")


# --- who tries, and from where ----------------------------------------------------------------------------------------


async def test_ten_wrong_passwords_of_one_client_end_its_tries_at_this_account_alone(auth_app: AuthApp) -> None:
    assert await wrong(auth_app, MOST + 2) == [422] * MOST + [429] * 2
    closed = await auth_app.sign_in()
    assert closed.status_code == 429
    [wait] = map(int, re.findall(r"(\d+) 分ほどたってから", closed.text))
    assert 0 < wait <= 15
    assert (await auth_app.sign_in(HANAKO.upper())).status_code == 429  # typed otherwise, it is the same account
    assert (await auth_app.sign_in(TARO)).status_code == 422
    async with auth_app.browser("198.51.100.7") as elsewhere:
        assert (await auth_app.sign_in(http=elsewhere)).status_code == 303
    auth_app.clock.time += timedelta(minutes=wait)
    assert (await auth_app.sign_in()).status_code == 303


@pytest.mark.long
async def test_many_accounts_tried_by_one_client_end_its_tries(auth_app: AuthApp) -> None:
    most = SharedLimit.GUESSES_FROM.value.most
    answers = [await auth_app.sign_in(f"{number}@shouji.example.jp") for number in range(most + 1)]
    assert [answer.status_code for answer in answers] == [422] * most + [429]


@pytest.mark.long
async def test_right_passwords_count_nowhere(auth_app: AuthApp) -> None:
    """An office full of people comes from one line."""
    for _ in range(SharedLimit.GUESSES_FROM.value.most + 1):
        auth_app.http.cookies.clear()
        assert (await auth_app.sign_in()).status_code == 303
    assert {row.count for row in await auth_app.rows(RateCountRow) if isinstance(row, RateCountRow)} == {0}


@pytest.mark.parametrize(("yayoi_id", "password"), [("no address", "wrong"), (HANAKO, ""), ("", "")])
async def test_mistakes_of_format_count_nowhere(auth_app: AuthApp, yayoi_id: str, password: str) -> None:
    answers = [await auth_app.sign_in(yayoi_id, password) for _ in range(MOST + 1)]
    assert {answer.status_code for answer in answers} == {422}
    assert (await auth_app.sign_in()).status_code == 303


@pytest.mark.long
async def test_a_try_that_is_refused_fills_no_other_limit(auth_app: AuthApp) -> None:
    """Whoever presses again and again takes nothing from colleagues on the same line."""
    await wrong(auth_app, SharedLimit.GUESSES_FROM.value.most + MOST)
    assert (await auth_app.sign_in(TARO)).status_code == 422


async def test_tries_are_counted_one_by_one_however_many_come_at_once(auth_app: AuthApp) -> None:
    answers = await asyncio.gather(*(auth_app.http.get("/tried", params={"key": "one"}) for _ in range(25)))
    assert sorted(answer.status_code for answer in answers) == [200] * 10 + [429] * 15
    assert (await auth_app.http.get("/tried", params={"key": "other"})).status_code == 200


# --- strangers and the owner ------------------------------------------------------------------------------------------


async def test_strangers_on_many_lines_never_keep_out_a_browser_that_is_known(auth_app: AuthApp) -> None:
    assert (await auth_app.sign_in()).status_code == 303
    await auth_app.http.post("/sign-out")
    await guessed_by_strangers(auth_app, OF_STRANGERS)
    async with auth_app.browser("127.0.0.1") as unknown:
        refused = await auth_app.sign_in(http=unknown)
    assert refused.status_code == 429
    assert YayoiGuess.SIGN_IN.owner_can in refused.text  # what the owner of a new device does
    assert (await auth_app.sign_in()).status_code == 303
    await wrong(auth_app, MOST - 1)  # its own mistakes
    assert (await auth_app.sign_in()).status_code == 303


async def test_a_known_browser_is_bounded_by_its_own_wrong_ones(auth_app: AuthApp) -> None:
    """Whoever steals it guesses no more than anybody."""
    await auth_app.sign_in()
    assert await wrong(auth_app, MOST + 1) == [422] * MOST + [429]
    assert (await auth_app.sign_in()).status_code == 429
    async with auth_app.browser("198.51.100.7") as elsewhere:
        assert (await auth_app.sign_in(http=elsewhere)).status_code == 303


async def test_guesses_of_all_strangers_together_are_bounded_by_the_day(auth_app: AuthApp) -> None:
    await guessed_by_strangers(auth_app, OF_STRANGERS)
    with pytest.raises(ProblemError) as refused:
        await _guess(auth_app, "203.0.113.1", HANAKO)
    assert re.search(r"\d+ (分|時間)ほどたってから", refused.value.detail)
    with pytest.raises(LookupError):  # another account is another count
        await _guess(auth_app, "203.0.113.1", TARO)
    auth_app.clock.time += timedelta(days=1)
    with pytest.raises(LookupError):
        await _guess(auth_app, "203.0.113.1", HANAKO)


async def test_whoever_has_shown_that_they_read_the_accounts_mails_gets_through(auth_app: AuthApp) -> None:
    await guessed_by_strangers(auth_app, OF_STRANGERS)
    request, answer = Request({"type": "http", "client": ("127.0.0.1", 1), "headers": []}), Response()
    await auth_app.auth.trust(request, answer, YayoiGuess.SIGN_IN, HANAKO)
    auth_app.http.cookies.set("device", answer.headers["set-cookie"].split("=", 1)[1].partition(";")[0])
    assert (await auth_app.sign_in()).status_code == 303
    with pytest.raises(LookupError):  # a new password: what was guessed before is worth nothing
        await _guess(auth_app, "203.0.113.1", HANAKO)


def known(devices: Devices, cookie: str, account: str) -> bool:
    headers = [(b"cookie", f"device={cookie}".encode())]
    request = Request({"type": "http", "headers": headers})
    return devices.known(request, YayoiGuess.SIGN_IN, account) is not None


def test_a_browser_is_known_by_a_signed_list_that_names_nobody() -> None:
    devices = Devices(SECRET_KEYS, https=False)
    request, cookie = Request({"type": "http", "headers": []}), ""
    for number in range(MOST_KNOWN + 1):
        answer = Response()
        devices.remember(request, answer, YayoiGuess.SIGN_IN, f"{number}@shouji.example.jp")
        cookie = answer.headers["set-cookie"].split("=", 1)[1].partition(";")[0]
        request = Request({"type": "http", "headers": [(b"cookie", f"device={cookie}".encode())]})
    assert len(cookie) < 1000
    assert "shouji" not in cookie
    assert [known(devices, cookie, f"{number}@shouji.example.jp") for number in (0, 1, MOST_KNOWN)] == [
        False,
        True,
        True,
    ]
    assert devices.known(request, YayoiGuess.NOTICE, "1@shouji.example.jp") is None
    for made_up in ("", "x", cookie[:-1], cookie.replace(cookie[3], "A", 1)):
        assert not known(devices, made_up, "1@shouji.example.jp")
    assert not known(Devices(SecretKeys("another secret"), https=False), cookie, "1@shouji.example.jp")


async def test_neither_accounts_nor_addresses_are_kept_and_old_counts_are_deleted(auth_app: AuthApp) -> None:
    answer: httpx.Response = await auth_app.sign_in(password="wrong")
    assert "device" not in cookies(answer)
    rows = await auth_app.rows(RateCountRow)
    assert len(rows) == 4  # the client, it at the account, all strangers at the account, and the kept form
    for row in rows:
        assert isinstance(row, RateCountRow)
        assert re.fullmatch("[0-9a-f]{64}", row.key)
    auth_app.clock.time += timedelta(days=2)
    await auth_app.auth.forget()
    assert await auth_app.rows(RateCountRow) == []


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
