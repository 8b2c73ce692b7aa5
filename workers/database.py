"""The database: how processes reach it, and how its schema is brought to this build's state."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, func, make_url, select
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.pool import NullPool

from workers.errors import ClearError
from workers.settings import Settings
from workers.stack.places import Places

# Any number that no other user of the database takes; keeps processes that migrate at once in line.
_MIGRATION_LOCK = 7_000_016_000


class DatabaseUnreachableError(ClearError):
    """No database answers at the address."""


class NewerDatabaseError(ClearError):
    """The database was brought to its state by a newer build, and this one does not know it."""


def url(settings: Settings) -> str:
    """The database's address, with its password."""
    if settings.database_url is None:
        return Places(settings.state_dir).database_url
    address = make_url(settings.database_url)
    if settings.database_password is not None:
        address = address.set(password=settings.database_password.get_secret_value())
    return address.render_as_string(hide_password=False)


def engine(settings: Settings) -> AsyncEngine:
    """One pool of connections per process. A connection that was lost is noticed before it is used."""
    return create_async_engine(url(settings), pool_pre_ping=True)


def sessions(database: AsyncEngine) -> async_sessionmaker[AsyncSession]:
    """What activities and pages get."""
    return async_sessionmaker(database, expire_on_commit=False)


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[async_sessionmaker[AsyncSession]]:
    """For commands: the database while the context lasts.

    Raises:
        DatabaseUnreachableError: it does not answer.

    """
    database = engine(settings)
    try:
        with _clearly():
            async with database.connect():
                pass
        yield sessions(database)
    finally:
        await database.dispose()


async def migrate(address: str) -> None:
    """Bring the schema to this build's state, in one transaction. Several processes may do so at once.

    Raises:
        NewerDatabaseError: the database is of a newer version; nothing was changed.
        DatabaseUnreachableError: it does not answer.

    """
    async with _connected(address) as connection, connection.begin():
        await connection.execute(select(func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
        await connection.run_sync(_upgrade)


async def add_revision(address: str, message: str) -> None:
    """Write a new revision into this checkout: what `models/tables.py` has and the (migrated) database has not."""
    await _run(address, lambda config: command.revision(config, message, autogenerate=True, rev_id=_next_id(config)))


async def check(address: str) -> None:
    """Raise Alembic's error if `models/tables.py` and the (migrated) database differ."""
    await _run(address, command.check)


@contextmanager
def _clearly() -> Iterator[None]:
    try:
        yield
    except (OSError, InterfaceError, OperationalError) as error:
        raise DatabaseUnreachableError(f"the database does not answer: {error}") from None


@asynccontextmanager
async def _connected(address: str) -> AsyncIterator[AsyncConnection]:
    database = create_async_engine(address, poolclass=NullPool)
    connection = database.connect()
    try:
        with _clearly():
            await connection.start()
        yield connection
    finally:
        await connection.close()
        await database.dispose()


async def _run(address: str, action: Callable[[Config], object]) -> None:
    async with _connected(address) as connection:
        await connection.run_sync(lambda sync: action(_config(sync)))


def _config(connection: Connection) -> Config:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", "models:migrations")
    config.set_main_option("file_template", "r%%(rev)s_%%(slug)s")
    config.set_main_option("path_separator", "os")
    return config


def _next_id(config: Config) -> str:
    return f"{len(list(ScriptDirectory.from_config(config).walk_revisions())) + 1:04}"


def _upgrade(connection: Connection) -> None:
    config = _config(connection)
    known = {revision.revision for revision in ScriptDirectory.from_config(config).walk_revisions()}
    unknown = set(MigrationContext.configure(connection).get_current_heads()) - known
    if unknown:
        raise NewerDatabaseError(
            f"the database is of a newer version ({', '.join(sorted(unknown))}) than this program knows: "
            "use the newer program; nothing was changed"
        )
    command.upgrade(config, "head")
