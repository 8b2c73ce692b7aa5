"""Databases of one test alone, copied from a template."""

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.pool import NullPool

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
    name = f"test_{next(_NUMBERS)}"
    admin = create_async_engine(postgres_url(socket_dir, "postgres"), poolclass=NullPool, isolation_level="AUTOCOMMIT")
    async with admin.connect() as connection:
        await connection.execute(text(f'create database "{name}" template "{template}"'))
    try:
        yield postgres_url(socket_dir, name)
    finally:
        async with admin.connect() as connection:
            await connection.execute(text(f'drop database "{name}" with (force)'))
        await admin.dispose()


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
