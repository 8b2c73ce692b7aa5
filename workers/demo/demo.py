"""Opens a stack for the demo and runs its cases one after the other."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from models.common.calendar import BusinessCalendar
from workers import database, examples, temporal
from workers.demo.myics import myics
from workers.demo.operators_desk import OperatorsDesk
from workers.demo.other_cases import cancelled, corrected, expired, late, stranger
from workers.demo.run import DemoRun
from workers.demo.two_offices import two_offices
from workers.registry.file import load
from workers.settings import Settings
from workers.stack.places import Places
from workers.stack.stack_settings import alone
from workers.stack.supervisor import Stack


async def run_demo() -> None:
    """Run cases of 弥生 (two offices, corrected, expired, cancelled, late, a stranger's), and a firm that joins MYICS.

    Raises `ClearError` at the first thing that differs.
    """
    calendar = BusinessCalendar()
    async with _opened() as run:
        await two_offices(run, calendar)
        await corrected(run)
        await expired(run, calendar)
        await cancelled(run)
        await late(run, calendar)
        await stranger(run)
        await myics(run)
        run.heading("The end")
        await run.all_ended()
        run.expect("mails that nobody has expected", await run.mails(), [])
    run.say("")
    run.say("The demo is over: everything was as expected.")


@asynccontextmanager
async def _opened() -> AsyncIterator[DemoRun]:
    with tempfile.TemporaryDirectory(prefix="tetsuzuki-demo-") as folder:
        async with demo_on(alone(Path(folder), time_skipping=True)) as run:
            yield run


@asynccontextmanager
async def demo_on(settings: Settings) -> AsyncIterator[DemoRun]:
    """Open a stack that skips time, with the example registry."""
    async with (
        Stack(settings) as stack,
        database.opened(stack.settings) as sessions,
        temporal.opened(stack.settings) as client,
    ):
        await load(sessions, examples.registry())
        web = f"http://127.0.0.1:{stack.settings.web_port}"
        async with (
            httpx.AsyncClient(base_url=web, timeout=30, trust_env=False) as http,
            OperatorsDesk(stack.settings, sessions) as desk,
        ):
            yield DemoRun(http, client, desk, sessions, Places(stack.settings.state_dir).mail)
