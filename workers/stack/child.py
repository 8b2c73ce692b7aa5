"""One child process of the supervisor, and what is left of an earlier supervisor's children."""

import asyncio
import json
import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, NamedTuple

import psutil
from pydantic import Field, TypeAdapter

from workers.durable_files import write_durably
from workers.stack.postgres import Command

_ONE_TICK = 0.05  # seconds; two processes with one number start further apart


class ProcessMark(NamedTuple):
    """Identifies a process, also when its number has been given to a later one."""

    pid: Annotated[int, Field(gt=1)]
    started: float
    """By a clock that nobody sets: see `_started`."""
    stop_signal: Annotated[int, Field(ge=1, le=signal.NSIG - 1)]

    def process(self) -> psutil.Process | None:
        """The process, if it is still there."""
        try:
            process = psutil.Process(self.pid)
            same = abs(_started(process) - self.started) < _ONE_TICK
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except (psutil.NoSuchProcess, ProcessLookupError, FileNotFoundError):
            return None


_MARKS = TypeAdapter(dict[str, ProcessMark])


class Child:
    """A running process with its output in a file. It has its own session: a terminal's Ctrl-C does not reach it."""

    def __init__(self, process: asyncio.subprocess.Process, stop_signal: signal.Signals) -> None:
        self._process = process
        self._stop_signal = stop_signal
        self.mark = ProcessMark(process.pid, _started_now(process.pid), stop_signal)

    @classmethod
    async def start(
        cls, command: Command, environment: Mapping[str, str], log: Path, stop_signal: signal.Signals
    ) -> "Child":
        """Start it; what it prints is added to `log`."""
        with log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                *command.argv,
                **command.account,
                cwd=command.folder,
                env=environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                umask=0o077,
            )
        return cls(process, stop_signal)

    async def ended(self) -> str:
        """Wait for its end; says how it ended."""
        code = await self._process.wait()
        return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"

    def kill(self) -> None:
        """`kill -9`."""
        if self._process.returncode is None:
            self._process.kill()

    async def stop(self, patience: float) -> bool:
        """Signal its end, and kill it after so many seconds, or at once when cancelled. False: it had to be killed."""
        try:
            if self._process.returncode is None:
                self._process.send_signal(self._stop_signal)
            async with asyncio.timeout(patience):
                await self._process.wait()
        except TimeoutError:
            return False
        else:
            return True
        finally:
            self.kill()
            await self._process.wait()


class UnreadableRecordError(Exception):
    """The file does not say who was running: a crash has torn it, or somebody else has written it."""


def record(marks: Mapping[str, ProcessMark], file: Path) -> None:
    """Write down who is running, for `end_leftovers` of a later supervisor."""
    write_durably(file, json.dumps(marks))


def end_leftovers(file: Path, patience: float) -> list[str]:
    """End the recorded processes that still run, gently at first; gives their names. Blocks.

    Raises `UnreadableRecordError`; the next record replaces the file.
    """
    try:
        marks = _MARKS.validate_json(file.read_bytes())
    except FileNotFoundError:
        return []
    except ValueError:
        raise UnreadableRecordError(file) from None
    left = [name for name, mark in marks.items() if mark.process()]
    # In the reverse order of their start, one after the other: running work still finds what it needs.
    for name in reversed(left):
        _end(marks[name], patience)
    file.unlink()
    return left


def _end(mark: ProcessMark, patience: float) -> None:
    # Not by waiting for the process itself: its zombie stays where nobody reaps orphans, as in many containers.
    for sent in (mark.stop_signal, signal.SIGKILL):
        if process := mark.process():
            process.send_signal(sent)
        give_up = time.monotonic() + patience
        while mark.process() and time.monotonic() < give_up:
            time.sleep(_ONE_TICK)


def _started(process: psutil.Process) -> float:
    """Return seconds from the machine's start to the process's; elsewhere than on Linux, by the wall clock.

    The wall clock of a machine is set now and then: by it, a process would seem to be another one afterwards.
    """
    stat = Path(f"/proc/{process.pid}/stat")
    if not stat.exists():
        return float(process.create_time())
    ticks = int(stat.read_text(errors="replace").rpartition(")")[2].split()[_START_TIME])
    return ticks / os.sysconf("SC_CLK_TCK")


_START_TIME = 19
"""Where /proc/PID/stat has the start time, counted after the program's name."""


def _started_now(pid: int) -> float:
    try:
        return _started(psutil.Process(pid))
    except (psutil.NoSuchProcess, ProcessLookupError, FileNotFoundError):  # ended, and waited for already
        return 0.0
