"""What is checked before the embedded stack starts anything."""

import errno
import secrets
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path
from typing import Any

from workers.database_connection import LONGEST_SOCKET_DIR, can_be_reached
from workers.program import ClearError
from workers.settings import Settings
from workers.stack.places import Places
from workers.temporal import address

TEMPORAL = "temporal"
"""The part that is Temporal's own server."""
MEASURED = ("worker", "eraser", "web", "desk", "figures", TEMPORAL)
"""The parts that serve metrics, in the order of their ports."""
LEAST_SPACE = 500_000_000
"""Bytes that must be free: the databases take about a tenth of it when new."""
LONGEST_PATH = 1000
"""Bytes: Postgres allows a little more."""


_NEVER_GIVEN_AWAY = range(20_000, 32_000)


class StackError(ClearError):
    """The embedded stack cannot run; the message says why and what to do."""


def embeds_postgres(settings: Settings) -> bool:
    """Unless `TETSUZUKI_DATABASE_URL` is set."""
    return settings.database_url is None


def embeds_temporal(settings: Settings) -> bool:
    """Unless `TETSUZUKI_TEMPORAL_ADDRESS` or an address in Temporal's own configuration is set."""
    return address(settings) is None


def embeds_inbox(settings: Settings) -> bool:
    """Unless `TETSUZUKI_SMTP_HOST` is set, to whatever value."""
    return "smtp_host" not in settings.model_fields_set


@contextmanager
def clearly(state_dir: Path) -> Iterator[None]:
    """What the machine does not let the stack do is a `StackError` too."""
    try:
        yield
    except OSError as error:
        raise StackError(
            f"{error.filename or state_dir}: {error.strerror}: "
            "put that right, or set TETSUZUKI_STATE_DIR to a folder where it is not so"
        ) from error


def check_host(settings: Settings) -> None:
    """The web and the desk can listen on the addresses that were set.

    Raises:
        StackError: one is unknown, or not this machine's.

    """
    for part, host in (("web", settings.web_host), ("desk", settings.desk_host)):
        try:
            _try_to_listen(host, 0)
        except OSError as error:
            raise StackError(
                f"the {part} cannot listen on {host} ({error.strerror}): "
                f"set TETSUZUKI_{part.upper()}_HOST to an address of this machine"
            ) from None


def check_ports(settings: Settings) -> None:
    """Every port that the stack will listen on is free, and another one for each part.

    Raises:
        StackError: names each port that is not, and the variables that change it.

    """
    wanted = [
        (settings.web_port, "web_port", settings.web_host, "the web"),
        (settings.desk_port, "desk_port", settings.desk_host, "the desk"),
    ]
    if embeds_temporal(settings):
        wanted.append((settings.temporal_port, "temporal_port", "127.0.0.1", "Temporal"))
    if embeds_inbox(settings):
        wanted.append((settings.smtp_port, "smtp_port", settings.smtp_host, "the mail inbox"))
    for process, port in metrics_ports(settings).items():
        wanted.append((port, "metrics_port", metrics_host(settings, process), f"the metrics of {process}"))
    taken = [
        f"port {port} for {what} {reason}: set TETSUZUKI_{name.upper()} to a free one"
        for port, name, host, what in wanted
        if (reason := _in_the_way(host, port))
    ]
    taken += [
        f"port {port} is set for {what} and {what_else}: "
        f"set TETSUZUKI_{name.upper()} or TETSUZUKI_{other.upper()} to another one"
        for (port, name, _, what), (same, other, _, what_else) in combinations(wanted, 2)
        if port == same
    ]
    if taken:
        raise StackError("; ".join(taken))


def metrics_ports(settings: Settings) -> dict[str, int]:
    """Return at which port each part of the stack serves its metrics: the one that is set and those after it."""
    if not settings.telemetry:
        return {}
    measured = MEASURED if embeds_temporal(settings) else MEASURED[: MEASURED.index(TEMPORAL)]
    return {name: settings.metrics_port + number for number, name in enumerate(measured)}


def metrics_host(settings: Settings, part: str) -> str:
    """Return the address at which it does; the embedded Temporal serves nothing but this machine."""
    return "127.0.0.1" if part == TEMPORAL else settings.metrics_host


def check_place(places: Places) -> None:
    """The state folder's path is one that Postgres and its clients can be given.

    Raises:
        StackError: it is too long; nothing else about it matters.

    """
    length = len(bytes(places.postgres))
    if length > LONGEST_PATH:
        raise StackError(
            f"{places.state} is too long for Postgres ({length} bytes with the database's own folder, {LONGEST_PATH} "
            "at most): set TETSUZUKI_STATE_DIR to a shorter one"
        )
    if not can_be_reached(places.socket_dir):
        raise StackError(
            f"{places.state} is too long for a socket in it ({LONGEST_SOCKET_DIR} bytes with its own folder at most): "
            "set TETSUZUKI_STATE_DIR to a shorter one"
        )


def check_space(state_dir: Path, least: int = LEAST_SPACE) -> None:
    """There are so many bytes free for the databases. The folder need not exist yet.

    Raises:
        StackError: there are not.

    """
    nearest = next(folder for folder in (state_dir, *state_dir.parents) if folder.exists())
    free = shutil.disk_usage(nearest).free
    if free < least:
        raise StackError(
            f"{nearest} has only {free // 1_000_000} MB of free space, {least // 1_000_000} MB are needed: "
            "make room, or set TETSUZUKI_STATE_DIR to another folder"
        )


def free_ports() -> dict[str, Any]:
    """Free ports for a stack beside others, as arguments for `Settings`."""
    names = ("web_port", "desk_port", "temporal_port", "smtp_port")
    return dict(zip(names, _free_ports(len(names)), strict=True))


def free_metrics_port() -> int:
    """Return a port of this machine that is free with as many after it as there are parts that serve metrics.

    None of those that systems give to connections: one may be given away before it is listened on.
    """
    while True:
        first = _NEVER_GIVEN_AWAY.start + secrets.randbelow(len(_NEVER_GIVEN_AWAY))
        if not any(_in_the_way("127.0.0.1", first + number) for number in range(len(MEASURED))):
            return first


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    return _free_ports(1)[0]


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [taken.getsockname()[1] for taken in sockets]
    finally:
        for taken in sockets:
            taken.close()


def _in_the_way(host: str, port: int) -> str | None:
    try:
        _try_to_listen(host, port)
    except OSError as error:
        return "is taken" if error.errno == errno.EADDRINUSE else f"cannot be had ({error.strerror})"
    return None


def _try_to_listen(host: str, port: int) -> None:
    """Raise `OSError` if nobody can listen there."""
    family, _, _, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, socket.SOCK_STREAM) as trial:
        # As servers do: a port whose last connections only linger is free.
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        trial.bind(where)
