"""Runs a program: its settings, its end on signals and errors, and exit codes that can be trusted."""

import asyncio
import contextlib
import gc
import io
import logging
import os
import re
import signal
import sys
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, NoReturn

import typer
from pydantic import ValidationError

from models.common import security_log
from models.common.actors import ActorKind
from models.common.security_log import SecurityEvent, security_event
from workers.secret_files import SecretFileError
from workers.settings import Settings

Main = Coroutine[Any, Any, int | None]
Say = Callable[[str], None]

TO_ENGINEERS = "システムの設定か動作に問題があるため、実行できませんでした。次の内容を技術担当者に伝えてください："
_JAPANESE = re.compile("[ぁ-んァ-ヶ一-鿿]")
WRONG_USE = 2
"""The exit code when an argument or a setting cannot be used."""


class ClearError(Exception):
    """Ends the program with its message alone: it says what is wrong and what to do."""


def say(text: str) -> None:
    """Print at once. A console that is closed does not stop the program."""
    with contextlib.suppress(OSError):
        typer.echo(text)


def without_postgres_variables() -> dict[str, str]:
    """Return this process's variables without PostgreSQL's own (`PGPORT`, `PGSSLMODE`, …).

    Somebody has set them for other databases; its server, its programs and its driver would do as they say.
    """
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")}


def read_settings() -> Settings:
    """Read the settings; name each variable that is wrong, and end with `WRONG_USE`."""
    try:
        return Settings()
    except SecretFileError as error:
        sys.stderr.write(f"error: {error}\n")
        raise typer.Exit(WRONG_USE) from None
    except ValidationError as error:
        for wrong in error.errors():
            name, *inside = map(str, wrong["loc"])
            where = "".join(f"{part}: " for part in inside if not part.isdigit())
            why = " ".join(wrong["msg"].removeprefix("Value error, ").split())
            sys.stderr.write(f"error: TETSUZUKI_{name.upper()}: {where}{why}\n")
        raise typer.Exit(WRONG_USE) from None


def run_command(main: Callable[[Settings], Main], *, noted_as: str = "") -> NoReturn:
    """Run a command with the settings, and end with its exit code. `noted_as`: how the security log calls it.

    With nowhere to print, it ends before anything is done: what it has to say may be said once, such as a secret.
    """
    if sys.stdout is None:
        if sys.stderr is not None:
            sys.stderr.write("error: standard output is closed: give the command a terminal or a file to print to\n")
        raise typer.Exit(WRONG_USE)
    raise typer.Exit(run(main(read_settings()), begin=partial(_note, noted_as) if noted_as else _nothing))


def _note(command: str) -> None:
    """Write down which command it is, and whose: what was typed after it may be about people."""
    security_event(SecurityEvent.COMMAND, "begun", command=command, by=f"{ActorKind.COMMAND}:uid-{os.getuid()}")


def run_for_operators(main: Callable[[Settings], Main], *, noted_as: str = "") -> NoReturn:
    """Run a command that operators read: what only an engineer can correct is said to be that, in Japanese."""
    run_command(lambda settings: _in_japanese(main(settings)), noted_as=noted_as)


async def _in_japanese(main: Main) -> int | None:
    try:
        return await main
    except ClearError as error:
        if _JAPANESE.search(str(error)):
            raise
        raise ClearError(f"{TO_ENGINEERS}{error}") from None


def _nothing() -> None:
    """Do nothing: commands say nothing of themselves but what they print."""


def _collect_rarely() -> None:
    """Leave what was imported out of garbage collection, and collect a twentieth as often as Python would.

    A worker keeps a thousand workflows in its memory, and each collection of the oldest objects walks through them all.
    """
    gc.freeze()
    gc.set_threshold(20 * gc.get_threshold()[0], *gc.get_threshold()[1:])


def run(main: Main, *, log_level: str = "WARNING", service: bool = False, begin: Callable[[], None] = _nothing) -> int:
    """Run `main` to its end and give the exit code: what it returns, None for 0. `begin` is done before.

    SIGINT and SIGTERM cancel it. That is how a service ends well, code 0; any other program was interrupted, code 128
    and the signal's number. A `ClearError` is printed without traceback, code 1.
    """
    for name in os.environ.keys() - without_postgres_variables().keys():
        del os.environ[name]
    logging.basicConfig(level=log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True)
    for library in ("httpx", "httpx2", "authlib"):  # they write whole addresses, secret parts too
        logging.getLogger(library).setLevel(logging.WARNING)
    security_log.write_to_stderr()
    if service:
        _collect_rarely()
    try:
        begin()
        return asyncio.run(_cancelled_by_signals(main, service=service)) or _all_printed()
    except ClearError as error:
        main.close()
        sys.stderr.write(f"error: {error}\n")
        return 1
    finally:
        # The Temporal client's native runtime must be gone before the interpreter is: otherwise about a quarter of
        # short programs die with SIGABRT or SIGSEGV at exit, their work already done.
        gc.collect()


def show_whatever_comes() -> None:
    """Let a console that cannot show a letter show its number: an error would come after what the command has done."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _all_printed() -> int:
    """Return 0 if what was printed has come to where it goes, else 1 and say so."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        sys.stderr.write(f"error: done, but what was printed could not be written: {error.strerror}\n")
        # What is left of it would fail once more when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


async def until_cancelled() -> None:
    """Wait until the program ends, which cancels it."""
    await asyncio.Event().wait()


async def _cancelled_by_signals(main: Main, *, service: bool) -> int:
    task = asyncio.create_task(main)
    received: list[signal.Signals] = []

    def end(by: signal.Signals) -> None:
        received.append(by)
        task.cancel()

    for by in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(by, end, by)
    try:
        return await task or 0
    except asyncio.CancelledError:
        if not received:
            raise
        return 0 if service else 128 + received[0]
