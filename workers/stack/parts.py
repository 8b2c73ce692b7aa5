"""The parts of the embedded stack in the order of their start, and what each needs before and after it."""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from temporalio.service import RPCError

from workers import database, schema, temporal
from workers.settings import Settings
from workers.stack import postgres, temporal_server
from workers.stack.checks import embeds_inbox, embeds_postgres, embeds_temporal
from workers.stack.places import DATABASE, Places
from workers.stack.postgres import Command

_LOOK_AGAIN_AFTER = 0.1  # seconds


async def _nothing() -> None:
    pass


@dataclass(frozen=True, kw_only=True)
class Part:
    """A process of the stack."""

    name: str
    prepare: Callable[[], Command]
    """Before every start; blocks."""
    ready: Callable[[], Awaitable[None]] = _nothing
    """Returns when others may use it."""
    stop_signal: signal.Signals = signal.SIGTERM
    patience: float = 10
    """How many seconds it may take to end."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """What is done once, between the starts of two parts."""

    name: str
    do: Callable[[], Awaitable[None]]


def in_order(settings: Settings, places: Places) -> list[Part | Step]:
    """Every part and step of a stack with these settings."""

    async def migrate() -> None:
        await schema.migrate(database.url(settings))

    async def prepare_temporal() -> None:
        await temporal.prepare(await temporal.connect(settings), settings)

    order: list[Part | Step] = []
    if embeds_postgres(settings):
        order.append(_postgres(places))
    order.append(Step(name="schema", do=migrate))
    if embeds_temporal(settings):
        order.append(_temporal(settings))
    order.append(Step(name="namespace", do=prepare_temporal))
    if embeds_inbox(settings):
        order.append(_python("inbox", ready=lambda: _listens(settings.smtp_host, settings.smtp_port)))
    # Activities in hand may need all of their own time to end.
    order.append(_python("worker", patience=60))
    order.append(_python("web", ready=lambda: _listens(settings.web_host, settings.web_port)))
    return order


def _postgres(places: Places) -> Part:
    def prepare() -> Command:
        postgres.prepare(places.postgres, places.socket_dir)
        return postgres.command(places.postgres, places.socket_dir)

    return Part(
        name="postgres",
        prepare=prepare,
        ready=lambda: postgres.ready(places.socket_dir, DATABASE),
        stop_signal=postgres.STOP_SIGNAL,
        patience=30,
    )


def _temporal(settings: Settings) -> Part:
    async def ready() -> None:
        while not await _answers(settings):  # noqa: ASYNC110 another process answers
            await asyncio.sleep(_LOOK_AGAIN_AFTER)

    return Part(name="temporal", prepare=lambda: Command(temporal_server.command(settings), {}), ready=ready)


async def _answers(settings: Settings) -> bool:
    try:
        return await temporal.namespace_is_there(await temporal.connect(settings))
    except (temporal.TemporalUnreachableError, RPCError):  # it is still starting
        return False


def _python(name: str, *, ready: Callable[[], Awaitable[None]] = _nothing, patience: float = 10) -> Part:
    command = Command([sys.executable, "-m", "workers", name], {})
    return Part(name=name, prepare=lambda: command, ready=ready, patience=patience)


async def _listens(host: str, port: int) -> None:
    # A server on every address is reached at this machine's own.
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    while True:
        try:
            _, writer = await asyncio.open_connection(reachable, port)
        except OSError:
            await asyncio.sleep(_LOOK_AGAIN_AFTER)
        else:
            writer.close()
            await writer.wait_closed()
            return
