"""A database that hangs, falls over to another server, or may only be read: what is stored goes to the right one."""

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path

import psutil
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from models.common.store.readiness import database_clock
from workers import database
from workers.database_connection import connect
from workers.program import say
from workers.settings import Settings
from workers.stack import postgres

FAILOVER = pytest.mark.robustness("failover of the database")
QUICKLY = timedelta(seconds=1)


@asynccontextmanager
async def server(folder: Path, *options: str) -> AsyncIterator[asyncio.subprocess.Process]:
    argv, account, _ = postgres.command(folder / "data", folder / "socket", "fsync=off", *options)
    with (folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(*argv, **account, stdout=log, stderr=log)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGCONT)
            process.send_signal(postgres.STOP_SIGNAL)
        await process.wait()


async def stored(engine: AsyncEngine) -> int | None:
    """Store a row and return how many there are; None while that is not possible, as a page would say."""
    try:
        async with engine.begin() as connection:
            await connection.execute(text("insert into kept default values"))
            return int((await connection.execute(text("select count(*) from kept"))).scalar_one())
    except (DBAPIError, OSError):
        return None


async def ready(engine: AsyncEngine) -> bool:
    return await database_clock(database.sessions(engine), QUICKLY) is not None


@FAILOVER
async def test_after_a_failover_the_next_server_is_written_to_and_none_before(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two servers in one address: the first is killed, the second takes over a little later."""
    monkeypatch.setattr(database, "_CONNECTED_WITHIN", 1)
    first, second = state_dir / "1", state_dir / "2"
    await asyncio.to_thread(postgres.prepare, first / "data", first / "socket", say)
    async with server(first) as primary:
        await postgres.ready(first / "socket", "cases")
        copy(first / "socket", second)
        async with server(second):
            await postgres.ready(second / "socket", "postgres")
            places = "&".join(f"host={each / 'socket'}:5432" for each in (first, second))
            address = f"postgresql+asyncpg://postgres@/cases?{places}&target_session_attrs=primary"
            engine = database.engine(Settings(database_url=address), patience=QUICKLY)
            async with engine.begin() as connection:
                await connection.execute(text("create table kept (at timestamptz default now())"))
            assert await stored(engine) == 1
            assert await ready(engine)
            await _has_all_of(second / "socket", engine)
            os.kill(primary.pid, signal.SIGKILL)
            await primary.wait()
            assert [await stored(engine) for _ in range(3)] == [None] * 3
            assert not await ready(engine)
            standby = await connect(user="postgres", database="cases", host=str(second / "socket"), ssl=False)
            await standby.fetchval("select pg_promote()")
            await standby.close()
            while (count := await stored(engine)) is None:  # noqa: ASYNC110 another process takes over
                await asyncio.sleep(0.1)
            assert count == 2
            assert await ready(engine)
            await engine.dispose()


def copy(socket: Path, folder: Path) -> None:
    """Make a server that follows another one, from its copy."""
    account = postgres.command(folder, folder).account
    folder.mkdir(mode=0o711)
    postgres._own_folder(folder / "data", account)
    postgres._own_folder(folder / "socket", account)
    backup = [
        str(postgres.postgres_program("pg_basebackup")),
        "-D",
        str(folder / "data"),
        "-h",
        str(socket),
        "-U",
        "postgres",
        "-R",
    ]
    subprocess.run([*backup, "--checkpoint=fast"], **account, check=True, capture_output=True, cwd=folder / "data")  # noqa: S603


async def _has_all_of(socket: Path, engine: AsyncEngine) -> None:
    """Wait until the server that follows has what the first has stored."""
    async with engine.connect() as connection:
        written = (await connection.execute(text("select pg_current_wal_lsn()::text"))).scalar_one()
    follower = await connect(user="postgres", database="cases", host=str(socket), ssl=False)
    caught_up = "select pg_last_wal_replay_lsn() >= $1::text::pg_lsn"
    while not await follower.fetchval(caught_up, written):  # noqa: ASYNC110 another process copies
        await asyncio.sleep(0.05)
    await follower.close()


@FAILOVER
async def test_connections_to_a_server_that_may_only_be_read_are_left(database_url: str) -> None:
    """The server behind an address becomes another's follower: old connections stay with it, new ones do not."""
    engine = database.engine(Settings(database_url=database_url))
    async with engine.begin() as connection:
        await connection.execute(text("create table kept (at timestamptz default now())"))
    for leaves in (stored, ready):
        async with engine.connect() as one, engine.connect() as another:
            for connection in (one, another):
                await connection.execute(text("set session characteristics as transaction read only"))
                await connection.commit()
        assert not await leaves(engine)
        await ready(engine)  # the other one, or a new one
        assert await ready(engine)
        assert await stored(engine)
    await engine.dispose()


@FAILOVER
@pytest.mark.parametrize(
    "made_by", [database.engine, database.key_engine, partial(database.figures_engine, patience=5)]
)
async def test_a_connection_that_the_server_has_ended_is_replaced_and_nobody_sees_it(
    made_by: Callable[[Settings], AsyncEngine], database_url: str
) -> None:
    engine = made_by(Settings(database_url=database_url))
    ended = text("select pg_terminate_backend(pid) from pg_stat_activity where pid = :pid")
    async with engine.connect() as connection:
        pid = (await connection.execute(text("select pg_backend_pid()"))).scalar_one()
        kept = (await connection.get_raw_connection()).driver_connection
    assert kept is not None
    other = create_async_engine(database_url)
    async with other.connect() as connection:
        await connection.execute(ended, {"pid": pid})
    while not kept.is_closed():  # noqa: ASYNC110 what the server sends arrives on its own
        await asyncio.sleep(0.01)
    async with engine.connect() as connection:
        assert (await connection.execute(text("select pg_backend_pid()"))).scalar_one() != pid
    await other.dispose()
    await engine.dispose()


@FAILOVER
async def test_a_server_that_hangs_is_given_up_and_found_again(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes connections and says nothing: no limit of its own ends that."""
    monkeypatch.setattr(database, "_CONNECTED_WITHIN", 0.3)
    monkeypatch.setattr(database, "_A_LITTLE_LATER", 0.3)
    await asyncio.to_thread(postgres.prepare, state_dir / "data", state_dir / "socket", say)
    async with server(state_dir) as process:
        await postgres.ready(state_dir / "socket", "cases")
        address = f"postgresql+asyncpg://postgres@/cases?host={state_dir / 'socket'}"
        engine = database.engine(Settings(database_url=address), patience=timedelta(seconds=0.3))
        async with engine.begin() as connection:
            await connection.execute(text("create table kept (at timestamptz default now())"))
        assert await stored(engine) == 1
        everybody = [psutil.Process(process.pid), *psutil.Process(process.pid).children()]
        for each in everybody:
            each.suspend()
        try:
            assert await asyncio.gather(*(stored(engine) for _ in range(12))) == [None] * 12
            assert not await ready(engine)
        finally:
            for each in everybody:
                each.resume()
        while (count := await stored(engine)) is None:  # noqa: ASYNC110 another process goes on
            await asyncio.sleep(0.1)
        assert count >= 2
        await engine.dispose()
