"""A store that is exchanged or rolled back, at the start or while processes run, is seen, and nothing is served."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.testing import WorkflowEnvironment

from models.common.store.mark_rows import count_on, mark_of_postgres
from models.common.store_marks import Fit, StoreMark
from models.tables import StoreMarkRow
from tests.support.databases import as_role
from workers import store_marks
from workers.database_roles import DatabaseRole
from workers.store_marks import StoresApartError

Sessions = async_sessionmaker[AsyncSession]


async def postgres(sessions: Sessions) -> StoreMark:
    async with sessions() as session:
        mark = await mark_of_postgres(session)
    assert mark
    return mark


async def exchange(sessions: Sessions, **other: object) -> None:
    async with sessions.begin() as session:
        await session.execute(update(StoreMarkRow).values(other))


async def test_both_count_together_and_postgres_waits_for_temporal(
    sessions: Sessions, temporal: WorkflowEnvironment
) -> None:
    client = temporal.client
    await store_marks.begin(client, sessions)
    async with as_role(sessions, DatabaseRole.WORKER) as worker, as_role(sessions, DatabaseRole.CUSTOMERS) as web:
        for expected in (2, 3):
            await store_marks.count(client, worker)
            assert (await postgres(sessions)).mark == expected
            assert await store_marks.mark_of_temporal(client) == await postgres(sessions)
        assert await store_marks.look(client, web) is Fit.TOGETHER
        # The process ends before Temporal has it: who comes next gives Temporal the same one.
        assert await count_on(worker, await store_marks.mark_of_temporal(client))
        assert (await postgres(sessions)).mark == 4
        assert await store_marks.look(client, web) is Fit.TOGETHER
        await store_marks.count(client, worker)
        assert await store_marks.mark_of_temporal(client) == await postgres(sessions)
        assert (await postgres(sessions)).mark == 4
        # Temporal was rolled back: it is said, and cases go on.
        await exchange(sessions, mark=9)
        assert await store_marks.look(client, web) is Fit.TEMPORAL_OLDER


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"mark": 0}, "Postgres is older"),
        ({"mark": 1}, "Postgres is older"),
        ({"token": "elsewhere"}, "never been used together"),
        ({"epoch": 2}, "Temporal is another one"),
    ],
)
async def test_what_was_exchanged_ends_whoever_runs_and_lets_nobody_start(
    sessions: Sessions,
    temporal: WorkflowEnvironment,
    other: dict[str, object],
    said: str,
) -> None:
    client, ended = temporal.client, asyncio.Event()
    await store_marks.begin(client, sessions)
    await store_marks.count(client, sessions)

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store_marks, "LOOK_EVERY", timedelta(milliseconds=50))
        running = asyncio.create_task(store_marks.watched(work(), client, sessions))
        await exchange(sessions, **other)
        with pytest.raises(StoresApartError, match=said):
            await running
    assert ended.is_set()
    for start in (store_marks.begin, store_marks.look_patiently, store_marks.count):
        with pytest.raises(StoresApartError, match="restore --in-place"):
            await start(client, sessions)
