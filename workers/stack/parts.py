"""The parts of the embedded stack in the order of their start, and what each needs before and after it."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from urllib.parse import urlsplit

from temporalio.service import RPCError

from models.common.signing_keys import KeyPurpose
from models.common.web_addresses import reached_at
from workers import health, temporal
from workers.commands.keys import make_missing_keys
from workers.commands.migrate import set_up
from workers.database_roles import DatabaseRole
from workers.program import Say
from workers.settings import Settings
from workers.stack import postgres, temporal_server
from workers.stack.checks import embeds_inbox, embeds_postgres, embeds_temporal, metrics_ports
from workers.stack.places import DATABASE, Places
from workers.stack.postgres import Command
from workers.wiring.derived import web_ui_address
from workers.wiring.root import DRAIN

_LOOK_AGAIN_AFTER = 0.1  # seconds


@dataclass(frozen=True, kw_only=True)
class Part:
    """A process of the stack."""

    name: str
    prepare: Callable[[], Command]
    """Before every start; blocks."""
    ready: Callable[[int], Awaitable[None]]
    """Returns when others may use the process with this number."""
    stop_signal: signal.Signals = signal.SIGTERM
    patience: float = 10
    """How many seconds it may take to end."""
    role: DatabaseRole | None = None
    """As whom it connects to the embedded database."""
    keeps_data: bool = False
    """Whether it has files that a crash of the machine may damage."""
    signs_for: tuple[KeyPurpose, ...] = ()
    """Of which purposes it is handed the private keys."""


@dataclass(frozen=True, kw_only=True)
class StartStep:
    """What is done once, between the starts of two parts."""

    name: str
    do: Callable[[], Awaitable[None]]


Order = Callable[[Settings, Settings, Places, Say], list[list[Part] | StartStep]]
"""What is started and done, one after the other, from the arguments of `in_order`."""


def in_order(settings: Settings, completed: Settings, places: Places, say: Say) -> list[list[Part] | StartStep]:
    """Every part and step of a stack with these settings; the parts of a list can start side by side.

    `completed`: the same settings with what the stack itself has chosen.
    """
    return [
        _stores(settings, completed, places, say),
        StartStep(name="migrate", do=partial(set_up, settings)),
        StartStep(name="keys", do=partial(make_missing_keys, settings)),
        [
            *([_inbox(settings)] if embeds_inbox(settings) else []),
            _worker(settings),
            _eraser(settings),
            _web(settings),
            _desk(settings),
            *([_figures(settings)] if settings.telemetry else []),
        ],
    ]


def stores_only(before: Callable[[], Awaitable[None]]) -> Order:
    """Start the two stores and nothing that uses them, once `before` is done."""

    def order(settings: Settings, completed: Settings, places: Places, say: Say) -> list[list[Part] | StartStep]:
        return [StartStep(name="before", do=before), _stores(settings, completed, places, say)]

    return order


def _stores(settings: Settings, completed: Settings, places: Places, say: Say) -> list[Part]:
    return [
        *([_postgres(places, say)] if embeds_postgres(settings) else []),
        *([_temporal(settings, completed)] if embeds_temporal(settings) else []),
    ]


def _postgres(places: Places, say: Say) -> Part:
    def prepare() -> Command:
        postgres.prepare(places.postgres, places.socket_dir, say)
        return postgres.command(places.postgres, places.socket_dir)

    return Part(
        name="postgres",
        prepare=prepare,
        ready=lambda _pid: postgres.ready(places.socket_dir, DATABASE),
        stop_signal=postgres.STOP_SIGNAL,
        patience=30,
        keeps_data=True,
    )


def _temporal(settings: Settings, completed: Settings) -> Part:
    async def has_namespace() -> bool:
        return await temporal.namespace_is_there(await temporal.connect(settings))

    def prepare() -> Command:
        temporal_server.check_file(Places(settings.state_dir).temporal)
        return temporal_server.command(settings, urlsplit(web_ui_address(completed)).port or 0)

    return Part(name="temporal", prepare=prepare, ready=lambda _pid: until(has_namespace), keeps_data=True)


def _worker(settings: Settings) -> Part:
    async def polls(pid: int) -> bool:
        return await health.polls(await temporal.connect(settings), settings, pid)

    # Running activities may need all of their time to end.
    patience = DRAIN.total_seconds() + 10
    return _python("worker", lambda pid: until(partial(polls, pid)), patience, DatabaseRole.WORKER)


def _eraser(settings: Settings) -> Part:
    async def polls(pid: int) -> bool:
        return await health.polls(await temporal.connect(settings), settings, pid, "eraser")

    patience = DRAIN.total_seconds() + 10
    return _python("eraser", lambda pid: until(partial(polls, pid)), patience, DatabaseRole.ERASE)


def _inbox(settings: Settings) -> Part:
    return _python("inbox", lambda _pid: until(partial(listens, settings.smtp_host, settings.smtp_port)))


def _web(settings: Settings) -> Part:
    listening = partial(listens, settings.web_host, settings.web_port)
    web = _python("web", lambda _pid: until(listening), patience=20, role=DatabaseRole.CUSTOMERS)
    return replace(web, signs_for=(KeyPurpose.CUSTOMERS,))


def _desk(settings: Settings) -> Part:
    listening = partial(listens, settings.desk_host, settings.desk_port)
    desk = _python("desk", lambda _pid: until(listening), patience=20, role=DatabaseRole.DESK)
    return replace(desk, signs_for=(KeyPurpose.OPERATORS, KeyPurpose.AUDIT))


def _figures(settings: Settings) -> Part:
    listening = partial(listens, settings.metrics_host, metrics_ports(settings)["figures"])
    return _python("figures", lambda _pid: until(listening), role=DatabaseRole.FIGURES)


def _python(
    name: str, ready: Callable[[int], Awaitable[None]], patience: float = 10, role: DatabaseRole | None = None
) -> Part:
    command = Command([sys.executable, "-m", "workers", name], {})
    return Part(name=name, prepare=lambda: command, ready=ready, patience=patience, role=role)


async def until(check: Callable[[], Awaitable[bool]]) -> None:
    """Check until it is so; a server that cannot be reached is still starting."""
    while True:
        with contextlib.suppress(OSError, RPCError, temporal.TemporalUnreachableError):
            if await check():
                return
        await asyncio.sleep(_LOOK_AGAIN_AFTER)


async def listens(host: str, port: int) -> bool:
    """Whether somebody listens there. Raises `OSError` if not."""
    _, writer = await asyncio.open_connection(reached_at(host), port)
    writer.close()
    await writer.wait_closed()
    return True
