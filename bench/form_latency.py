"""How long the form's answer takes while 50 send forms, beside one bare insert by HTTP."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from statistics import quantiles

from bench.other_processes import running
from bench.ours import Ours, form
from models.common.calendar import utc_now
from workers.stack.checks import free_ports

CLIENTS = 50
"""Who send at the same time, each one form after the other on a connection of its own."""


@dataclass(frozen=True)
class FormLatency:
    """Seconds within which 99 of 100 answers came."""

    form: float
    insert: float

    @property
    def ratio(self) -> float:
        return self.form / self.insert


async def measure_form(ours: Ours, numbers: Sequence[int]) -> FormLatency:
    """Send the forms of these customers to our web, wait until all is done, then send as many to the other one."""
    since = utc_now()
    taken = await _send(ours.settings.web_port, "/api/applications", numbers)
    await ours.wait_for_rest([str(number) for number in numbers], since)
    port = free_ports()["web_port"]
    async with running("bench.insert_server", ours.settings, str(port)):
        await _send(port, "/", numbers[:CLIENTS])  # our web has its connections and its code loaded, too
        inserted = await _send(port, "/", numbers)
    return FormLatency(_p99(taken), _p99(inserted))


def _p99(seconds: Sequence[float]) -> float:
    return quantiles(seconds, n=100)[-1]


async def _send(port: int, path: str, numbers: Sequence[int]) -> list[float]:
    """Seconds that each answer took."""
    bodies = [json.dumps(form(number), ensure_ascii=False).encode() for number in numbers]
    each = [_send_each(port, path, bodies[client::CLIENTS]) for client in range(CLIENTS)]
    return [seconds for some in await asyncio.gather(*each) for seconds in some]


async def _send_each(port: int, path: str, bodies: Sequence[bytes]) -> list[float]:
    async with _connection(port) as (reader, writer):
        return [await _answer(reader, writer, path, body) for body in bodies]


@asynccontextmanager
async def _connection(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()
        await writer.wait_closed()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str, body: bytes) -> float:
    """Send one form, and read its answer. By hand: a client's library would take longer than what is measured."""
    before = time.perf_counter()
    writer.write(
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n".encode()
        + body
    )
    status, *headers = (await reader.readuntil(b"\r\n\r\n")).decode().lower().splitlines()
    [length] = (header.partition(":")[2] for header in headers if header.startswith("content-length:"))
    answer = await reader.readexactly(int(length))
    seconds = time.perf_counter() - before
    if status.split()[1][0] != "2":
        raise RuntimeError(f"{status}: {answer.decode()}")
    return seconds
