"""The schema: how it is brought to this build's state, by Alembic."""

from collections.abc import Callable
from functools import partial

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, func, select

from workers.database import connected
from workers.database_roles import DatabaseRole, Passwords, grant
from workers.program import ClearError
from workers.tls import DatabaseTls

# Any number that no other user of the database takes; keeps processes that migrate at once in line.
_MIGRATION_LOCK = 7_000_016_000


class NewerDatabaseError(ClearError):
    """The database was brought to its state by a newer build, and this one does not know it."""


async def migrate(address: str, passwords: Passwords | None = None, tls: DatabaseTls = False) -> None:
    """Bring the schema and the roles' rights to this build's state, in one transaction. Several may do so at once.

    `passwords`: what the roles log in with; `tls`: how an address off this machine is reached.

    Raises:
        NewerDatabaseError: the database is of a newer version; nothing was changed.
        DatabaseRolesError: roles are missing and may not be made.
        DatabaseUnreachableError: it does not answer.

    """
    async with connected(address, tls) as connection, connection.begin():
        await connection.execute(select(func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
        await connection.run_sync(_upgrade)
        await grant(connection, passwords or dict.fromkeys(DatabaseRole))


async def add_revision(address: str, message: str, tls: DatabaseTls = False) -> None:
    """Write a new revision into this checkout: what `models/tables` has and the (migrated) database has not."""
    made = partial(command.revision, message=message, autogenerate=True)
    await _run(address, lambda config: made(config, rev_id=_next_id(config)), tls)


def newest_revision() -> str | None:
    """Return the revision that this build brings a schema to."""
    config = Config()
    config.set_main_option("script_location", "models:migrations")
    config.set_main_option("path_separator", "os")
    return ScriptDirectory.from_config(config).get_current_head()


async def check(address: str) -> None:
    """Raise Alembic's error if `models/tables` and the (migrated) database differ."""
    await _run(address, command.check)


async def _run(address: str, action: Callable[[Config], object], tls: DatabaseTls = False) -> None:
    async with connected(address, tls) as connection:
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
