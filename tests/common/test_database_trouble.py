"""A database that is away, full, read only or slow: 503 with Retry-After by what it says itself, and no waiting."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import timedelta

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from fastapi.templating import Jinja2Templates
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from tests.support.secret_key import SECRET_KEYS
from web.common.problems import answer_problems
from web.common.readiness import add_readiness
from workers import database
from workers.settings import Settings

TROUBLE = pytest.mark.robustness("answers under trouble")


class ServerError(Exception):
    """What a driver raises."""

    def __init__(self, sqlstate: str | None) -> None:
        super().__init__("said in English")
        self.sqlstate = sqlstate


def said(sqlstate: str | None, kind: type[DBAPIError] = DBAPIError) -> DBAPIError:
    return kind("select", {}, ServerError(sqlstate))


@contextlib.asynccontextmanager
async def http_of(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://web.test") as http:
        yield http


async def status_after(error: Exception) -> httpx.Response:
    app = FastAPI()
    answer_problems(app, Jinja2Templates(directory="web/templates"), SECRET_KEYS, pages={"": "yayoi/problem.html"})

    @app.get("/api/thing")
    async def thing() -> None:
        raise error

    async with http_of(app) as http:
        return await http.get("/api/thing")


@TROUBLE
@pytest.mark.parametrize(
    "error",
    [
        *map(said, ("08000", "08003", "08006", "08P01", "40001", "40P01", "53100", "53200", "53300", "57014")),
        # While a password is changed, a database restored under another name, or closed for maintenance.
        *map(said, ("28P01", "28000", "3D000", "55000", "57P04", "53400", "40003", "08004", "58P01")),
        *map(said, ("57P01", "57P02", "57P03", "57P05", "58030", "25006", "25P03", "25P04", "55P03")),
        said(None, OperationalError),
        said(None, InterfaceError),
        PoolTimeoutError(),
        ConnectionRefusedError(),
        TimeoutError(),
    ],
    ids=str,
)
async def test_what_a_database_says_of_itself_is_later(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    answer = await status_after(error)
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert "English" not in answer.text
    assert len(caplog.records) == 1


@TROUBLE
@pytest.mark.parametrize(
    "error",
    [
        *(said("23505", IntegrityError), said("22021"), said("42P01", ProgrammingError), said("25P02"), said(None)),
        *map(said, ("22003", "22P05", "23514", "25001", "42501", "54000", "55006", "0A000", "XX000", "P0001")),
    ],
    ids=str,
)
async def test_what_it_says_of_a_statement_is_not(error: Exception) -> None:
    answer = await status_after(error)
    assert answer.status_code == 500
    assert "English" not in answer.text


@pytest_asyncio.fixture
async def bounded(database_url: str) -> AsyncIterator[Callable[[float], async_sessionmaker[AsyncSession]]]:
    """Sessions of an engine on which a statement may take so many seconds."""
    async with contextlib.AsyncExitStack() as stack:

        def sessions(seconds: float) -> async_sessionmaker[AsyncSession]:
            settings = Settings(database_url=database_url)
            engine = database.engine(settings, patience=timedelta(seconds=seconds))
            stack.push_async_callback(engine.dispose)
            return database.sessions(engine)

        yield sessions


@TROUBLE
async def test_no_statement_waits_without_end(
    bounded: Callable[[float], async_sessionmaker[AsyncSession]],
) -> None:
    sessions = bounded(0.3)
    async with sessions.begin() as holder:
        await holder.execute(text("select pg_advisory_xact_lock(1)"))
        for statement in ("select pg_sleep(60)", "select pg_advisory_xact_lock(1)"):
            async with sessions() as session:
                with pytest.raises(DBAPIError) as ended:
                    await session.execute(text(statement))
            assert (await status_after(ended.value)).status_code == 503


@TROUBLE
async def test_a_server_that_takes_connections_and_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_CONNECTED_WITHIN", 0.2)
    given_up = asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            await reader.read()  # until the other side leaves
        writer.close()
        given_up.set()

    silent = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    async with silent:
        port = silent.sockets[0].getsockname()[1]
        engine = database.engine(Settings(database_url=f"postgresql+asyncpg://nobody@127.0.0.1:{port}/none"))
        with pytest.raises((DBAPIError, OSError)) as ended:
            async with engine.connect():
                pass
        await engine.dispose()
        assert (await status_after(ended.value)).status_code == 503
        await given_up.wait()


@TROUBLE
async def test_who_is_ready_has_a_database_that_takes_and_a_temporal_that_answers(
    bounded: Callable[[float], async_sessionmaker[AsyncSession]], temporal: WorkflowEnvironment
) -> None:
    async def ready(sessions: async_sessionmaker[AsyncSession], client: Client) -> tuple[int, object]:
        app = FastAPI()
        add_readiness(app, sessions, client, "nobody-asks")
        async with http_of(app) as http:
            answer = await http.get("/readyz")
        return answer.status_code, answer.json()

    sessions = bounded(5)
    assert await ready(sessions, temporal.client) == (200, {"database": True, "temporal": True, "clock": True})
    elsewhere = Client(temporal.client.service_client, namespace="nobody-knows")
    assert await ready(sessions, elsewhere) == (503, {"database": True, "temporal": False, "clock": True})
    away = database.sessions(database.engine(Settings(database_url="postgresql+asyncpg://nobody@127.0.0.1:1/none")))
    assert await ready(away, temporal.client) == (503, {"database": False, "temporal": True, "clock": True})
    async with sessions() as session:
        name = (await session.execute(text("select current_database()"))).scalar_one()
        await session.execute(text(f'alter database "{name}" set default_transaction_read_only = on'))
        await session.commit()
    assert await ready(bounded(5), temporal.client) == (503, {"database": False, "temporal": True, "clock": True})
