"""One address in front of the frontends, as a load balancer gives it: each connection goes to one that lives."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

_BLOCK = 65_536  # bytes


@asynccontextmanager
async def one_address(targets: Sequence[str]) -> AsyncIterator[str]:
    """Give `host:port` while the context lasts. A connection ends with its frontend; the next goes to another one."""
    turn = count()
    passing: set[asyncio.Task[Any]] = set()

    async def lead(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if task := asyncio.current_task():
            passing.add(task)
            task.add_done_callback(passing.discard)
        first = next(turn)
        for number in range(len(targets)):
            host, _, port = targets[(first + number) % len(targets)].rpartition(":")
            with contextlib.suppress(OSError):
                there, here = await asyncio.open_connection(host, int(port))
                await _join(reader, writer, there, here)
                return
        writer.close()

    server = await asyncio.start_server(lead, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in list(passing):
            task.cancel()
        await asyncio.gather(*passing, return_exceptions=True)


async def _join(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    far_reader: asyncio.StreamReader,
    far_writer: asyncio.StreamWriter,
) -> None:
    ways = [asyncio.ensure_future(_copy(reader, far_writer)), asyncio.ensure_future(_copy(far_reader, writer))]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        for each in (writer, far_writer):
            each.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while block := await reader.read(_BLOCK):
            writer.write(block)
            await writer.drain()
