"""Databases of one test alone, copied from a template."""

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from workers.stack.places import postgres_url

MIGRATED = "migrated"
"""A database at the newest schema, without a row."""
_NUMBERS = itertools.count(1)


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
