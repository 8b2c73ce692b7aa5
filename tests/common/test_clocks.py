"""A clock that is wrong is not believed: who leads requests here learns that this machine is not ready."""

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from tests.support.web import browser_on
from web.common.readiness import CLOCKS_APART, add_readiness


def now(off: timedelta) -> datetime:
    """The time by a clock that is off."""
    return datetime.now(UTC) + off


def clock(off: timedelta) -> datetime:
    return datetime.now(UTC) + off


@pytest.mark.robustness("clocks")
async def test_who_has_another_time_than_the_database_is_not_ready(sessions: async_sessionmaker[AsyncSession]) -> None:
    ten_days, nearly = timedelta(days=10), CLOCKS_APART - timedelta(seconds=30)
    for off, status in (
        (timedelta(), 200),
        (ten_days, 503),
        (-ten_days, 503),
        (timedelta(hours=9), 503),  # Japan's time taken for UTC
        (timedelta(minutes=2), 503),
        (timedelta(days=-20_000), 503),  # a machine without a battery
        (nearly, 200),
        (-nearly, 200),
    ):
        app = FastAPI()
        add_readiness(app, sessions, None, partial(now, off))
        async with browser_on(app) as http:
            answer = await http.get("/readyz")
        assert (answer.status_code, answer.json()["clock"]) == (status, status == 200), off
        assert ("retry-after" in answer.headers) is (status == 503)
