"""Both web applications, each in a database of its own, for what people and systems send to them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from sqlalchemy.ext.asyncio import create_async_engine
from temporalio.testing import WorkflowEnvironment

from tests.fuzz.web_requests import WebRequests
from tests.hostile.target import target_on
from tests.support.databases import new_database
from tests.support.desk import desk_on, fill_operators
from tests.support.encryption import MASTER
from tests.support.journals import JOURNAL_OF_TESTS
from workers import database


@pytest_asyncio.fixture(scope="module")
async def web_requests(postgres_socket: Path, temporal: WorkflowEnvironment) -> AsyncIterator[WebRequests]:
    async with new_database(postgres_socket, "migrated") as url:
        engine = create_async_engine(url)
        sessions = database.sessions(engine, MASTER, JOURNAL_OF_TESTS)
        await fill_operators(sessions)
        async with target_on(sessions, temporal.client) as target, desk_on(sessions) as desk:
            yield WebRequests(target, desk)
        await engine.dispose()
