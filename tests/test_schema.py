"""The schema: what migrations make is what `models/tables` says, and a newer database is left alone."""

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from models.tables import Base, ExistingContractRow, OfficeRow
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


async def test_offices_that_share_a_contract_id_are_named_before_the_database_forbids_it(
    database_url: str, sessions: async_sessionmaker[AsyncSession]
) -> None:
    async with sessions.begin() as session:
        for constraint in ("offices_contract_id_key", "offices_group_id_key"):
            await session.execute(text(f"alter table offices drop constraint {constraint}"))
        await session.execute(text("alter table events drop column untold_since, drop column refusals"))
        await session.execute(text("alter table notices drop column refused_because"))
        await session.execute(text("update alembic_version set version_num = '0003'"))
        session.add(
            ExistingContractRow(
                contract_id="6000001", customer_name="弥", mail_address="a@b.jp", product_name="x", network_product=True
            )
        )
        await session.flush()
        tokens = [f"{letter}0000000-0000-4000-8000-000000000000" for letter in "ab"]
        session.add_all(
            OfficeRow(office_token=token, existing_contract_id="6000001", name=token, contract_id="7000001")
            for token in tokens
        )
    with pytest.raises(schema.SchemaError, match=f"one contract_id \\(7000001: {', '.join(tokens)}\\)"):
        await schema.migrate(database_url)
    async with sessions.begin() as session:
        await session.execute(text("update offices set contract_id = null where office_token like 'b%'"))
    await schema.migrate(database_url)
    await schema.check(database_url)
