"""What watches a stack with telemetry: somebody who takes its traces, and asks each process for its metrics."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import httpx

from bench.ours import Ours, our_stack

_ASKED_EVERY = 15.0
"""Seconds, as in the example of Prometheus' configuration."""
_TAKEN = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n"


@asynccontextmanager
async def our_watched_stack(customers: int) -> AsyncIterator[Ours]:
    """A new stack with telemetry, watched as in production. Traces are taken and thrown away."""
    receiver = await asyncio.start_server(_take, "127.0.0.1", 0)
    port = receiver.sockets[0].getsockname()[1]
    async with receiver, our_stack(customers, telemetry=True, otlp_url=f"http://127.0.0.1:{port}") as ours:
        reading = asyncio.create_task(_ask(ours))
        try:
            yield ours
        finally:
            reading.cancel()
            with suppress(asyncio.CancelledError):
                await reading


async def _ask(ours: Ours) -> None:
    addresses = [f"http://127.0.0.1:{port}/metrics" for port in ours.stack.metrics_ports.values()]
    async with httpx.AsyncClient() as http:
        while True:
            for address in addresses:
                (await http.get(address)).raise_for_status()
            await asyncio.sleep(_ASKED_EVERY)


async def _take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
            await reader.readexactly(int(length))
            writer.write(_TAKEN)
            await writer.drain()
    writer.close()
