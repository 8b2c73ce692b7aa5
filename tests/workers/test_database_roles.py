"""What each database role may do: every statement on every table is tried as every role."""

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from models.tables import Base
from workers.database import connected
from workers.database_roles import GRANTS, READ, DatabaseRole, Statement, grant

TABLES = {table.name: table for table in Base.metadata.sorted_tables}
WITHOUT_PASSWORDS = dict.fromkeys(DatabaseRole)
_TRIED = {
    Statement.SELECT: 'select * from "{table}" where false',
    Statement.INSERT: 'insert into "{table}" ({column}) select null where false',
    Statement.UPDATE: 'update "{table}" set {column} = null where false',
    Statement.DELETE: 'delete from "{table}" where false',
}
"""Each is checked for its right before anything else; none changes anything."""


def engine_of(database_url: str, role: DatabaseRole) -> AsyncEngine:
    return create_async_engine(make_url(database_url).set(username=role.value), poolclass=NullPool)


async def is_denied(connection: AsyncConnection, statement: str) -> bool:
    transaction = await connection.begin()
    try:
        await connection.execute(text(statement))
    except DBAPIError as error:
        if "permission denied" in str(error) or "must be owner" in str(error):
            return True
        raise
    else:
        return False
    finally:
        await transaction.rollback()


async def granted(database_url: str) -> None:
    async with connected(database_url) as connection, connection.begin():
        await grant(connection, WITHOUT_PASSWORDS)


def test_every_table_is_named_and_nothing_else() -> None:
    assert sorted(GRANTS) == sorted(TABLES)
    assert all(set(of_roles) == set(DatabaseRole) for of_roles in GRANTS.values())


@pytest.mark.parametrize("role", DatabaseRole)
async def test_each_role_may_do_what_the_table_says_and_nothing_else(database_url: str, role: DatabaseRole) -> None:
    for _ in range(2):  # again: the same
        await granted(database_url)
    engine = engine_of(database_url, role)
    wrong = []
    async with engine.connect() as connection:
        for name, table in TABLES.items():
            column = next(each.name for each in table.columns if each.identity is None)
            for statement in Statement:
                denied = await is_denied(connection, _TRIED[statement].format(table=name, column=f'"{column}"'))
                if denied is (statement in GRANTS[name][role]):
                    wrong.append(f"{role} {statement} {name}: {'denied' if denied else 'allowed'}")
        assert wrong == []
        for name in TABLES:
            assert await is_denied(connection, f'truncate "{name}" cascade')
            assert await is_denied(connection, f'drop table "{name}" cascade')
        assert await is_denied(connection, "create table new (number integer)")
        assert await is_denied(connection, "select version_num from alembic_version")
        for sequence in Base.metadata._sequences:
            assert not await is_denied(connection, f"select nextval('{sequence}')")
            assert await is_denied(connection, f"select setval('{sequence}', 1)")
    await engine.dispose()


async def test_rights_that_were_given_by_hand_are_taken_away(database_url: str) -> None:
    await granted(database_url)
    async with connected(database_url) as connection, connection.begin():
        await connection.execute(text(f"grant all on public_keys, operators to {DatabaseRole.CUSTOMERS}"))
    await granted(database_url)
    engine = engine_of(database_url, DatabaseRole.CUSTOMERS)
    async with engine.connect() as connection:
        assert await is_denied(connection, "update public_keys set state = 'active'")
        assert await is_denied(connection, "select * from operators")
    await engine.dispose()


async def test_the_audit_trail_is_only_ever_added_to_and_only_migrate_writes_keys() -> None:
    assert {of_roles[DatabaseRole.FIGURES] for of_roles in GRANTS.values()} == {frozenset(), READ}
    for role in set(DatabaseRole) - {DatabaseRole.FIGURES}:
        assert GRANTS["audit_trail"][role] == {Statement.SELECT, Statement.INSERT}
        erases = {Statement.DELETE} if role is DatabaseRole.ERASE else set()
        assert GRANTS["audit_contents"][role] == {Statement.SELECT, Statement.INSERT} | erases
        assert GRANTS["public_keys"][role] == {Statement.SELECT}
    assert GRANTS["operators"][DatabaseRole.CUSTOMERS] == frozenset()
    writers = {role for role in DatabaseRole if Statement.UPDATE in GRANTS["operators"][role]}
    assert writers == {DatabaseRole.DESK, DatabaseRole.ERASE}  # the second blanks those who were removed


@pytest.mark.parametrize("password", ["plain", 'it\'s: a \\ "password" :x'])
async def test_a_role_gets_the_password_that_is_set(database_url: str, password: str) -> None:
    async with connected(database_url) as connection:
        transaction = await connection.begin()
        await grant(connection, WITHOUT_PASSWORDS | {DatabaseRole.WORKER: password})
        stored = "select rolpassword from pg_authid where rolname = :role"
        hashed = await connection.scalar(text(stored), {"role": DatabaseRole.WORKER.value})
        assert str(hashed).startswith("SCRAM-SHA-256$")
        assert password not in str(hashed)
        await transaction.rollback()
