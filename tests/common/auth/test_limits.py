"""How often one may try: per account and per address."""

import asyncio
import re
from datetime import timedelta

import pytest
from fastapi import Request

from models.tables import RateCountRow
from tests.common.auth.auth_app import HANAKO, TARO, AuthApp
from web.common.auth import Limit, client_address


async def test_ten_wrong_passwords_close_an_account_for_a_while_and_no_other(auth_app: AuthApp) -> None:
    for _ in range(8):
        await auth_app.auth.limit(Limit.SIGN_IN, HANAKO)
    for _ in range(2):
        assert (await auth_app.sign_in(password="wrong")).status_code == 422
    closed = await auth_app.sign_in()  # the right one, too late
    assert closed.status_code == 429
    [wait] = map(int, re.findall(r"(\d+) 分ほどたってから", closed.text))
    assert 0 < wait <= 15
    assert (await auth_app.sign_in(HANAKO.upper())).status_code == 429  # typed otherwise, it is the same account
    assert (await auth_app.sign_in(TARO)).status_code == 422
    auth_app.clock.time += timedelta(minutes=wait)
    assert (await auth_app.sign_in()).status_code == 303


async def test_many_accounts_tried_from_one_address_end_its_access(auth_app: AuthApp) -> None:
    for _ in range(49):
        await auth_app.auth.limit(Limit.SIGN_IN_FROM, "127.0.0.1")
    answers = [await auth_app.sign_in(f"{number}@shouji.example.jp") for number in range(2)]
    assert [answer.status_code for answer in answers] == [422, 429]


async def test_tries_are_counted_one_by_one_however_many_come_at_once(auth_app: AuthApp) -> None:
    answers = await asyncio.gather(*(auth_app.http.get("/tried", params={"key": "one"}) for _ in range(25)))
    assert sorted(answer.status_code for answer in answers) == [200] * 10 + [429] * 15
    assert (await auth_app.http.get("/tried", params={"key": "other"})).status_code == 200


async def test_neither_accounts_nor_addresses_are_kept_and_old_counts_are_deleted(auth_app: AuthApp) -> None:
    await auth_app.sign_in(password="wrong")
    rows = await auth_app.rows(RateCountRow)
    assert len(rows) == 3
    for row in rows:
        assert isinstance(row, RateCountRow)
        assert re.fullmatch("[0-9a-f]{64}", row.key)
    auth_app.clock.time += timedelta(hours=2)
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
