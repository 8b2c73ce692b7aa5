"""The database: how processes reach it."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from datetime import timedelta
from typing import Any

import asyncpg
from sqlalchemy import event, make_url, text
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, async_sessionmaker, create_async_engine
from sqlalchemy.pool import NullPool

from activities.common.outbox import MAILS_AT_ONCE
from models.common.encryption import WrapsKeys
from models.common.journal import JournalStore
from models.common.store.case_keys import MASTER_KEYS
from models.common.store.journalling import JOURNAL
from models.common.store.sessions import DatabaseSessions
from workers.database_connection import connect
from workers.journal import JournalFile
from workers.master_keys import master_keys
from workers.program import ClearError
from workers.settings import Settings
from workers.stack.places import Places
from workers.tls import DatabaseTls, database_tls

_CONNECTIONS = 10
"""Kept open for what is short: every step and page."""
_FOR_MAILS = 2 * MAILS_AT_ONCE
"""And as many more as mails can hold while a mail server thinks: each vendor's mails have an outbox of their own."""
_KEY_CONNECTIONS = 2
CONNECTIONS_AT_MOST = _CONNECTIONS + _FOR_MAILS + _KEY_CONNECTIONS
"""Of one process."""
_KEY_PATIENCE = 5  # seconds


class DatabaseUnreachableError(ClearError):
    """No database answers at the address."""


class PoolerError(ClearError):
    """Between this program and the database stands what gives one of its connections to several clients."""


def url(settings: Settings) -> str:
    """The database's address, with its password."""
    if settings.database_url is None:
        return Places(settings.state_dir).database_url
    address = make_url(settings.database_url)
    if settings.database_password is not None:
        address = address.set(password=settings.database_password.get_secret_value())
    return address.render_as_string(hide_password=False)


IN_A_REQUEST = timedelta(seconds=15)
"""How long somebody waits for the database before the answer is that it does not answer."""
IN_A_STEP = timedelta(minutes=5)
"""Of a worker or a command: the longest look compares all open cases."""
_CONNECTED_WITHIN = 5  # seconds
_A_LITTLE_LATER = 2  # seconds
_HOLDS_AT_MOST = timedelta(minutes=2)
"""A transaction that does nothing; the longest waits for a mail server, half a minute."""


def engine(settings: Settings, *, patience: timedelta = IN_A_STEP) -> AsyncEngine:
    """One pool of connections per process.

    `patience`: how long a statement may take, waiting for others included. The server ends it, or, if that hangs
    itself, so do we a little later; what was asked for has not taken effect, or is found by the next try.

    What was being stored stays out of error texts, and so out of logs and histories. Raises `TlsError`.
    """
    made = _engine(
        settings,
        _limits(patience),
        pool_size=_CONNECTIONS,
        max_overflow=_FOR_MAILS,
        pool_timeout=patience.total_seconds(),
    )
    event.listen(made.sync_engine, "handle_error", _without_values)
    event.listen(made.sync_engine, "handle_error", _leave_who_only_reads)
    return made


def key_engine(settings: Settings) -> AsyncEngine:
    """Two connections for the keys of cases alone: steps that hold all others never wait for a key that waits for them.

    A database that takes longer than five seconds is as one that does not answer.
    """
    patience = {"timeout": _KEY_PATIENCE, "command_timeout": _KEY_PATIENCE}
    return _engine(settings, patience, pool_size=1, max_overflow=_KEY_CONNECTIONS - 1)


def figures_engine(settings: Settings, patience: float) -> AsyncEngine:
    """One connection, of which each statement and the connecting itself take `patience` seconds at most."""
    return _engine(settings, {"timeout": patience, "command_timeout": patience}, pool_size=1, max_overflow=0)


def _engine(settings: Settings, limits: Mapping[str, Any], **pool: Any) -> AsyncEngine:
    made = create_async_engine(
        url(settings),
        hide_parameters=True,
        connect_args={**limits, **_by_socket(database_tls(settings))},
        **pool,
    )
    event.listen(made.sync_engine, "checkout", _connect_anew_where_it_was_lost)
    return made


def _connect_anew_where_it_was_lost(connection: Any, _record: object, _of_pool: object) -> None:
    """Have the pool replace a connection that the server has ended.

    The driver knows that without a round trip. One that is lost unnoticed fails the transaction that takes it.
    """
    if connection.driver_connection.is_closed():
        raise DisconnectionError


def _by_socket(tls: DatabaseTls) -> dict[str, Any]:
    return {"ssl": tls, "async_creator_fn": connect}


def _limits(patience: timedelta) -> dict[str, Any]:
    milliseconds = str(int(patience.total_seconds() * 1000))
    return {
        "timeout": _CONNECTED_WITHIN,
        "command_timeout": patience.total_seconds() + _A_LITTLE_LATER,
        "server_settings": {
            "statement_timeout": milliseconds,
            "lock_timeout": milliseconds,
            "idle_in_transaction_session_timeout": str(int(_HOLDS_AT_MOST.total_seconds() * 1000)),
        },
    }


def _without_values(context: ExceptionContext) -> None:
    """Remove the detail of Postgres: it names the values that cannot be stored."""
    error: BaseException | None = context.sqlalchemy_exception or context.original_exception
    while error is not None:
        error.args = tuple(arg.partition("\nDETAIL:")[0] if isinstance(arg, str) else arg for arg in error.args)
        if isinstance(error, asyncpg.PostgresError):
            error.detail = None
        error = error.__cause__ or getattr(error, "orig", None)


def _leave_who_only_reads(context: ExceptionContext) -> None:
    """Give up connections to a server that has become read only: after a failover another one takes what is stored."""
    if getattr(context.original_exception, "sqlstate", None) == _READ_ONLY:
        context.is_disconnect = True


_READ_ONLY = "25006"
"""The SQLSTATE of a write where nothing may be written."""


async def check(database: AsyncEngine) -> None:
    """Find out whether the database can be worked with, before any work is taken.

    Raises:
        DatabaseUnreachableError: it does not answer.
        PoolerError: a pooler stands in between that does not leave each client its own connection.

    """
    with _clearly():
        async with database.connect() as one:
            mine, limit = (await one.execute(_WHO_AND_HOW_LONG)).one()
            await one.rollback()
            async with database.connect() as another:
                others, _ = (await another.execute(_WHO_AND_HOW_LONG)).one()
    if mine == others or limit == 0:
        raise PoolerError(_POOLER)


_WHO_AND_HOW_LONG = text(
    "select pg_backend_pid(), (select setting::int from pg_settings where name = 'statement_timeout')"
)
_POOLER = (
    "the database is reached by a pooler that shares its connections among clients (PgBouncer's modes `transaction` "
    "and `statement`), or keeps this program's limits from it: set the address of PostgreSQL itself in "
    "TETSUZUKI_DATABASE_URL"
)


def sessions(
    database: AsyncEngine, wraps: WrapsKeys | None = None, journal: JournalStore | None = None
) -> DatabaseSessions:
    """Sessions for activities and pages.

    `wraps`: the master keys; without them nothing can be stored that begins a case. `journal`: what no restore rolls
    back; without it nothing can be ended for good, and no contract ID be issued.
    """
    carried = {MASTER_KEYS: wraps, JOURNAL: journal}
    info = {name: each for name, each in carried.items() if each is not None}
    return async_sessionmaker(database, expire_on_commit=False, info=info)


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[DatabaseSessions]:
    """For commands: the database while the context lasts.

    Raises:
        DatabaseUnreachableError: it does not answer.

    """
    database = engine(settings)
    try:
        await check(database)
        yield sessions(database, master_keys(settings), JournalFile.of(settings))
    finally:
        await database.dispose()


@asynccontextmanager
async def connected(address: str, tls: DatabaseTls = False) -> AsyncIterator[AsyncConnection]:
    """One connection, for what is done once. `tls`: how an address off this machine is reached.

    Raises:
        DatabaseUnreachableError: the database does not answer.

    """
    async with AsyncExitStack() as stack:
        database = create_async_engine(address, connect_args=_by_socket(tls), poolclass=NullPool)
        stack.push_async_callback(database.dispose)
        with _clearly():
            connection = await stack.enter_async_context(database.connect())
        yield connection


@contextmanager
def _clearly() -> Iterator[None]:
    try:
        yield
    except (OSError, DBAPIError) as error:
        why = error.orig if isinstance(error, DBAPIError) else error
        if "unsupported startup parameter" in str(why):  # PgBouncer's, of those that it is not configured to ignore
            raise PoolerError(_POOLER) from None
        raise DatabaseUnreachableError(
            f"the database does not answer ({why}): is it running, and are address, password and TLS as it wants them? "
            "`make up` runs the embedded one"
        ) from None
