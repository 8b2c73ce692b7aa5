"""The schema: what migrations make is what `models/tables` says, and a newer database is left alone."""

import asyncio
import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Table, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

import models
from models.migrations import baseline
from models.tables import Base
from tests.hostile.people import VICTIM, settle
from workers import schema

MODELS = Path(models.__file__).parent
TABLES = Base.metadata.sorted_tables
KEYS = {"case_keys", "public_keys"}
"""What commands make before anybody is there."""


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


def test_the_baseline_is_what_the_tables_are() -> None:
    assert baseline.FILE.read_text(encoding="utf-8") == baseline.baseline(), (
        "run `python -m models.migrations.baseline`"
    )


async def test_one_baseline_makes_the_whole_schema(sessions: async_sessionmaker[AsyncSession]) -> None:
    assert [path.name for path in (MODELS / "migrations" / "versions").glob("r*.py")] == ["r0001_baseline.py"]
    async with sessions() as session:
        assert list(await session.scalars(text("select version_num from alembic_version"))) == ["0001"]


async def test_a_new_database_knows_nobody(sessions: async_sessionmaker[AsyncSession]) -> None:
    """No account is there that everybody knows of."""
    async with sessions() as session:
        rows = [await session.scalar(select(func.count()).select_from(table)) for table in TABLES]
    assert {table.name for table, count in zip(TABLES, rows, strict=True) if count} <= KEYS


@pytest.mark.long
async def test_a_change_of_the_tables_is_written_as_a_revision_and_brought_to_databases(
    database_url: str, sessions: async_sessionmaker[AsyncSession], tmp_path: Path
) -> None:
    checkout = tmp_path / "models"
    shutil.copytree(MODELS, checkout)
    with (checkout / "tables" / "webhooks.py").open("a", encoding="utf-8") as file:
        file.write(
            "class NewRow(Base):\n    __tablename__ = 'new'\n    no: Mapped[int] = mapped_column(primary_key=True)\n"
        )
    await migrate(database_url, tmp_path, "--add-revision", "A new table")
    assert (checkout / "migrations" / "versions" / "r0002_a_new_table.py").exists()
    await migrate(database_url, tmp_path)
    async with sessions() as session:
        assert list(await session.scalars(text("select version_num from alembic_version"))) == ["0002"]
        assert list(await session.scalars(text("select no from new"))) == []


async def migrate(database_url: str, folder: Path, *options: str) -> None:
    """As people call it, with the `models` of this folder."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "workers", "migrate", "--schema-only", *options),
        cwd=folder,
        env=os.environ | {"TETSUZUKI_DATABASE_URL": database_url},
    )
    assert await process.wait() == 0


# --- no mail address is a key ----------------------------------------------------------------------------------------


def is_address(column: Column[Any]) -> bool:
    return "mail_address" in column.info


def keys(table: Table) -> set[Column[Any]]:
    return set(table.primary_key) | {key.parent for key in table.foreign_keys}


def test_no_primary_or_foreign_key_is_a_mail_address() -> None:
    columns = {column for table in TABLES for column in keys(table)}
    referred_to = {key.column for table in TABLES for key in table.foreign_keys}
    assert [str(column) for column in columns | referred_to if is_address(column)] == []


def test_a_column_that_is_named_like_a_mail_address_is_of_their_type() -> None:
    columns = [column for table in TABLES for column in table.columns]
    named = [column for column in columns if re.search("address|yayoi_id$|recipient", column.name)]
    assert named
    assert [str(column) for column in named if not is_address(column)] == []


async def test_no_key_of_a_whole_customer_holds_a_mail_address(sessions: async_sessionmaker[AsyncSession]) -> None:
    await settle(sessions, VICTIM)
    filled = set()
    async with sessions() as session:
        for table in TABLES:
            for row in await session.execute(select(*keys(table))):
                filled.add(table.name)
                assert not [value for value in row if "@" in str(value)]
    assert {"yayoi_ids", "business_group_members", "credentials", "member_invitations"} <= filled
