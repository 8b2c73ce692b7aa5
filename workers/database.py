"""The database: how processes reach it, and how its schema is brought to this build's state."""

from collections.abc import Callable

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, func, make_url, select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.pool import NullPool

from workers.settings import Settings
from workers.stack.places import Places

# Any number that no other user of the database takes; keeps processes that migrate at once in line.
_MIGRATION_LOCK = 7_000_016_000


class NewerDatabaseError(Exception):
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


async def migrate(address: str) -> None:
    """Bring the schema to this build's state, in one transaction. Several processes may do so at once.

    Raises:
        NewerDatabaseError: the database is of a newer version; nothing was changed.

    """
    database = create_async_engine(address, poolclass=NullPool)
    try:
        async with database.begin() as connection:
            await connection.execute(select(func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
            await connection.run_sync(_upgrade)
    finally:
        await database.dispose()


async def add_revision(address: str, message: str) -> None:
    """Write a new revision into this checkout: what `models/tables.py` has and the (migrated) database has not."""
    await _run(address, lambda config: command.revision(config, message, autogenerate=True, rev_id=_next_id(config)))


async def check(address: str) -> None:
    """Raise Alembic's error if `models/tables.py` and the (migrated) database differ."""
    await _run(address, command.check)


async def _run(address: str, action: Callable[[Config], object]) -> None:
    database = create_async_engine(address, poolclass=NullPool)
    try:
        async with database.connect() as connection:
            await connection.run_sync(lambda sync: action(_config(sync)))
    finally:
        await database.dispose()


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
