"""Databases of one test alone, copied from a template."""

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
from sqlalchemy import func, make_url, select
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from models.common.store.sessions import DatabaseSessions
from models.tables import application_count, enquiry_count
from tests.support.encryption import MASTER
from tests.support.journals import JOURNAL_OF_TESTS
from workers import database
from workers.database_roles import DatabaseRole
from workers.stack.places import postgres_url

MIGRATED = "migrated"
"""A database at the newest schema, without a row."""
_NUMBERS = itertools.count(1)
_RECEIPTS = itertools.count(10_000, 100)


@asynccontextmanager
async def new_database(socket_dir: Path, template: str) -> AsyncIterator[str]:
    """Copied as files: on a server that writes nothing to a disk that takes half as long as by its log."""
    name, account = f"test_{next(_NUMBERS)}", make_url(postgres_url(socket_dir, "postgres")).username
    admin = await asyncpg.connect(host=str(socket_dir), user=account, database="postgres")
    try:
        await admin.execute(f'create database "{name}" template "{template}" strategy file_copy')
        try:
            yield postgres_url(socket_dir, name)
        finally:
            await admin.execute(f'drop database "{name}" with (force)')
    finally:
        await admin.close()


@asynccontextmanager
async def as_role(sessions: DatabaseSessions, role: DatabaseRole) -> AsyncIterator[DatabaseSessions]:
    """Give the same database to who may do there what the role may, and nothing else."""
    engine = create_async_engine(sessions.kw["bind"].url.set(username=role.value), pool_timeout=300)  # seconds
    try:
        yield database.sessions(engine, MASTER, JOURNAL_OF_TESTS)
    finally:
        await engine.dispose()


async def begin_numbers(session: AsyncSession, application: int) -> None:
    """Number where no other test does: all share one Temporal server, where a workflow id is used once."""
    for count, first in ((application_count, application), (enquiry_count, next(_RECEIPTS))):
        await session.execute(select(func.setval(count.name, first)))
