"""The key store is away for a minute while many cases are open: none fails, none stays stuck, no build is blamed."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from activities.backoffice.broken_cases import BrokenCases
from models.common.store.case_keys import make_case_key
from tests.support.listening import Listening, listening
from tests.support.switched_keys import switched_keys

Sessions = async_sessionmaker[AsyncSession]
_AT_ONCE = 200
_ENDS_CONNECTIONS = text(
    "select pg_terminate_backend(pid) from pg_stat_activity"
    " where datname = current_database() and pid <> pg_backend_pid()"
)
"""What a restart of Postgres does to whoever is connected."""


async def at_once(waiting: Sequence[Awaitable[Any]]) -> list[Any]:
    turns = asyncio.Semaphore(_AT_ONCE)

    async def one(each: Awaitable[Any]) -> Any:
        async with turns:
            return await each

    return await asyncio.gather(*map(one, waiting))


@pytest.mark.parametrize(("count", "seconds"), [(5, 1.0), pytest.param(1000, 60.0, marks=pytest.mark.long)])
async def test_open_cases_go_on_after_an_outage_with_nothing_in_memory(
    sessions: Sessions, temporal: WorkflowEnvironment, caplog: pytest.LogCaptureFixture, *, count: int, seconds: float
) -> None:
    """Starts, heartbeats, signals and updates come meanwhile, from a process that has the keys in memory."""
    queue = f"test-{uuid4()}"
    owners = [f"listening/{uuid4()}" for _ in range(count)]
    async with sessions.begin() as session:
        for owner in owners:
            await make_case_key(session, owner)
    async with switched_keys(sessions) as web:
        client: Client = web.client(temporal.client)
        handles = [client.get_workflow_handle(owner, result_type=list[str]) for owner in owners]
        async with listening(sessions, temporal, task_queue=queue):
            run = [client.start_workflow(Listening.run, "started", id=owner, task_queue=queue) for owner in owners]
            await at_once(run)
            await at_once([each.execute_update(Listening.say, "before") for each in handles])
        async with listening(sessions, temporal, task_queue=queue) as process:  # with nothing in its memory
            with process.keys.away():
                begun = await client.start_workflow(Listening.run, "meanwhile", id=f"{owners[0]}/new", task_queue=queue)
                own = asyncio.create_task(process.start())
                signals = asyncio.create_task(at_once([each.signal(Listening.note, "a signal") for each in handles]))
                updates = asyncio.create_task(
                    at_once([each.execute_update(Listening.say, "an update") for each in handles])
                )
                async with sessions.begin() as session:
                    await session.execute(_ENDS_CONNECTIONS)
                await asyncio.sleep(seconds)
                assert not own.done()
                assert not updates.done()
            await asyncio.gather(signals, updates)
            new = [await own, client.get_workflow_handle(begun.id, result_type=list[str])]
            assert await BrokenCases(sessions, process.raw, queue).find() == []
            await at_once([each.execute_update(Listening.end) for each in (*handles, *new)])
            said = await at_once([each.result() for each in handles])
            assert {frozenset(each) for each in said} == {frozenset({"started", "before", "a signal", "an update"})}
            assert [set(await each.result()) for each in new] == [{"弥生 太郎"}, {"meanwhile"}]
            assert await BrokenCases(sessions, process.raw, queue).find() == []
    assert any(line.startswith("keys not available") for line in caplog.messages)
