"""The schema: what migrations make is what `models/tables` says, and a newer database is left alone."""

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from models.tables import Base
from workers import schema


async def test_models_and_migrations_agree(database_url: str, sessions: async_sessionmaker[AsyncSession]) -> None:
    await schema.check(database_url)
    async with sessions() as session:  # Alembic does not compare sequences
        found = set(await session.scalars(text("select sequencename from pg_sequences")))
    assert set(Base.metadata._sequences) <= found


async def test_several_processes_may_migrate_at_once(empty_database_url: str) -> None:
    await asyncio.gather(*(schema.migrate(empty_database_url) for _ in range(4)))
    await schema.check(empty_database_url)


async def test_a_database_of_a_newer_version_is_refused_and_left_as_it_is(
    database_url: str, sessions: async_sessionmaker[AsyncSession]
) -> None:
    async with sessions.begin() as session:
        await session.execute(text("update alembic_version set version_num = '9999'"))
    with pytest.raises(schema.NewerDatabaseError, match="newer version \\(9999\\)"):
        await schema.migrate(database_url)
    async with sessions() as session:
        assert list(await session.scalars(text("select version_num from alembic_version"))) == ["9999"]
