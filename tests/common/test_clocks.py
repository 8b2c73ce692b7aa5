"""A clock that is wrong is not believed: who leads requests here learns that this machine is not ready."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.testing import WorkflowEnvironment

from tests.support.listening import Listener, listening
from tests.support.running import PATIENCE
from tests.support.web import browser_on
from web.common import readiness
from web.common.readiness import CLOCKS_APART, POLLS_KEPT, add_readiness
from workers import health
from workers.program import ClearError
from workers.settings import Settings
from workers.stack.checks import free_port

Sessions = async_sessionmaker[AsyncSession]
TEN_DAYS, NEARLY = timedelta(days=10), CLOCKS_APART - timedelta(seconds=30)
CLOCKS = pytest.mark.robustness("clocks")


def now(off: timedelta) -> datetime:
    """The time by a clock that is off."""
    return datetime.now(UTC) + off


@CLOCKS
async def test_who_has_another_time_than_the_database_is_not_ready(sessions: Sessions) -> None:
    for off, status in (
        (timedelta(), 200),
        (TEN_DAYS, 503),
        (-TEN_DAYS, 503),
        (timedelta(hours=9), 503),  # Japan's time taken for UTC
        (timedelta(minutes=2), 503),
        (timedelta(days=-20_000), 503),  # a machine without a battery
        (NEARLY, 200),
        (-NEARLY, 200),
    ):
        app = FastAPI()
        add_readiness(app, sessions, None, now=partial(now, off))
        async with browser_on(app) as http:
            answer = await http.get("/readyz")
        assert (answer.status_code, answer.json()["clock"]) == (status, status == 200), off
        assert ("retry-after" in answer.headers) is (status == 503)


FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
SERVES = """
import asyncio, sys
from fastapi import FastAPI
from web.common.readiness import add_readiness
from workers import database, web_server
from workers.settings import Settings

async def serve():
    app = FastAPI()
    add_readiness(app, database.sessions(database.engine(Settings())), None)
    await web_server.serve_app(app, "127.0.0.1", int(sys.argv[1]))

asyncio.run(serve())
"""


@CLOCKS
@pytest.mark.skipif(FAKETIME is None, reason="no faketime (apt install faketime)")
async def test_a_process_whose_clock_jumps_is_ready_again_once_it_is_right(database_url: str, tmp_path: Path) -> None:
    clock, port = tmp_path / "clock", free_port()
    clock.write_text("+0")
    own = {"TETSUZUKI_DATABASE_URL": database_url, "LD_PRELOAD": str(FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(clock)}
    as_it_is = {"FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", SERVES, str(port)), env=os.environ | own | as_it_is
    )

    async def answers(status: int) -> None:
        async with asyncio.timeout(PATIENCE), httpx.AsyncClient(trust_env=False) as http:
            while True:
                try:
                    answer = await http.get(f"http://127.0.0.1:{port}/readyz")
                except httpx.TransportError:  # it has not begun yet
                    assert process.returncode is None
                else:
                    if answer.status_code == status:
                        assert answer.json()["clock"] is (status == 200)
                        return
                await asyncio.sleep(0.05)

    try:
        for offset, status in (("+0", 200), ("+10d", 503), ("-10d", 503), ("+0", 200), ("+2m", 503), ("-20y", 503)):
            clock.write_text(offset)
            await answers(status)
    finally:
        process.kill()
        await process.wait()


@pytest_asyncio.fixture
async def listener(sessions: Sessions, temporal: WorkflowEnvironment) -> AsyncIterator[Listener]:
    """A worker that asks Temporal for tasks, and has done so."""
    async with listening(sessions, temporal) as listener:
        idle = await listener.start()
        await idle.execute_update("end")
        await idle.result()
        yield listener


@CLOCKS
async def test_who_has_another_time_than_temporal_is_not_ready(
    sessions: Sessions,
    temporal: WorkflowEnvironment,
    listener: Listener,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The database agrees with this machine: both are off."""
    for off, status in (
        (timedelta(), 200),
        (TEN_DAYS, 503),
        (-TEN_DAYS, 503),
        (timedelta(hours=9), 503),
        (-timedelta(minutes=3), 503),
        (POLLS_KEPT + timedelta(minutes=2), 503),
        (timedelta(days=-20_000), 503),
        (NEARLY, 200),
        (-NEARLY, 200),
    ):
        caplog.clear()

        async def of_database(*_: object, off: timedelta = off) -> datetime:
            return now(off)

        monkeypatch.setattr(readiness, "database_clock", of_database)
        app = FastAPI()
        add_readiness(app, sessions, temporal.client, listener.task_queue, partial(now, off))
        async with browser_on(app) as http:
            answer = await http.get("/readyz")
        expected = {"database": True, "temporal": True, "clock": status == 200}
        assert (answer.status_code, answer.json()) == (status, expected), off
        assert ("Temporal's" in caplog.text) is (status == 503)


@CLOCKS
@pytest.mark.parametrize("off", [TEN_DAYS, -TEN_DAYS, timedelta(hours=9), -timedelta(minutes=3)])
async def test_a_worker_whose_machine_has_another_time_than_temporal_is_not_healthy_and_both_are_named(
    temporal: WorkflowEnvironment, listener: Listener, monkeypatch: pytest.MonkeyPatch, off: timedelta
) -> None:
    class Off(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            assert tz is UTC
            return now(off)

    settings = Settings(
        temporal_address=temporal.client.service_client.config.target_host, temporal_task_queue=listener.task_queue
    )
    monkeypatch.setattr(health, "on_this_machine", lambda *_: temporal.client.service_client.config.identity)
    await health._check_polls(temporal.client, settings, listener.task_queue, "worker")
    monkeypatch.setattr(health, "datetime", Off)
    with pytest.raises(ClearError, match="by Temporal's clock, and this machine's says"):
        await health._check_polls(temporal.client, settings, listener.task_queue, "worker")
