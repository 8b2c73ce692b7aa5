"""A Postgres server for a while, in a folder of its own that is thrown away afterwards."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from workers import schema
from workers.program import say
from workers.stack import postgres
from workers.stack.places import postgres_url

_STARTS_WITHIN = 30.0  # seconds
_FORGETFUL = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
_IN_MEMORY = Path("/dev/shm")  # noqa: S108 the folder made there is its owner's alone
_ENOUGH = 2 * 1024**3  # bytes: containers give it 64 MiB by default


@asynccontextmanager
async def scratch_server(database: str, *options: str) -> AsyncIterator[Path]:
    """Start a server with one empty database at today's schema; return where it listens. `options`: its settings."""
    with TemporaryDirectory(prefix="tetsuzuki-", dir=_place()) as folder:
        data_dir, socket_dir = Path(folder) / "data", Path(folder) / "socket"
        await asyncio.to_thread(postgres.prepare, data_dir, socket_dir, say)
        argv, account, _ = postgres.command(data_dir, socket_dir, *_FORGETFUL, *options)
        with (Path(folder) / "log").open("wb") as log:
            server = await asyncio.create_subprocess_exec(*argv, **account, stdout=log, stderr=log)
        try:
            async with asyncio.timeout(_STARTS_WITHIN):
                await postgres.ready(socket_dir, database)
            await schema.migrate(postgres_url(socket_dir, database))
            yield socket_dir
        finally:
            server.send_signal(postgres.STOP_SIGNAL)
            await server.wait()


def _place() -> Path | None:
    # A disk takes up to ten times as long to make a database and to drop it, the longer the more often it is done.
    usable = os.access(_IN_MEMORY, os.W_OK | os.X_OK) and shutil.disk_usage(_IN_MEMORY).free >= _ENOUGH
    return _IN_MEMORY if usable else None
