"""The supervisor: starts every part of the embedded stack, restarts what dies, stops all in order.

Tests and the demo run it inside their own process:

    async with Stack(alone(folder, time_skipping=True)) as stack:
        stack.settings  # with every address filled in: for clients, engines and requests of one's own
        stack.kill("worker")  # `kill -9`; the supervisor restarts it
        await stack.back("worker")
"""

import asyncio
import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from workers.program import ClearError, Say, say
from workers.settings import Settings
from workers.stack import checks
from workers.stack.child import UnreadableRecordError, end_leftovers, record
from workers.stack.handed_keys import hand_keys
from workers.stack.needed_secrets import settings_for
from workers.stack.parts import Order, Part, StartStep, in_order
from workers.stack.places import DATABASE, Places, postgres_url
from workers.stack.stack_settings import completed, environment
from workers.stack.watched import Watched
from workers.wiring.checked import check_settings
from workers.wiring.derived import web_ui_address

_LEFTOVERS_END_WITHIN = 10.0  # seconds


class Stack:
    """The whole stack while the context lasts. What goes wrong before it is ready raises a `ClearError`."""

    def __init__(self, settings: Settings, *, say: Say = say, order: Order = in_order) -> None:
        """`order`: what is started and done, one after the other; all of the stack, unless given."""
        self._asked = settings
        self._order = order
        self._places = Places(settings.state_dir)
        self._say = say
        self._parts: dict[str, Watched] = {}
        self._exit = contextlib.AsyncExitStack()
        self.settings = settings

    @property
    def processes(self) -> dict[str, int]:
        """The process number of each part, by name, in the order of start."""
        return {name: part.mark.pid for name, part in self._parts.items() if part.mark}

    @property
    def metrics_ports(self) -> dict[str, int]:
        """At which port each part serves its metrics."""
        return checks.metrics_ports(self._asked)

    def kill(self, name: str) -> None:
        """`kill -9` this part."""
        self._parts[name].kill()

    async def back(self, name: str) -> None:
        """Wait until a part that was killed runs again and can be used."""
        await self._parts[name].ready.wait()

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as undo:
            with checks.clearly(self._places.state):
                await self._take_place(undo)
            for entry in self._order(self._asked, self.settings, self._places, self._say):
                match entry:
                    case StartStep():
                        await entry.do()
                    case list():
                        with checks.clearly(self._places.state):
                            await self._start(entry, undo)
            self._exit = undo.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._exit.__aexit__(kind, error, trace)

    async def _take_place(self, undo: contextlib.AsyncExitStack) -> None:
        # First what can be known before anything is made or ended.
        check_settings(self._asked)
        checks.check_host(self._asked)
        checks.check_place(self._places)
        checks.check_space(self._places.state)
        for folder in (self._places.state, self._places.logs, self._places.mail):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        undo.enter_context(_only_one(self._places.lock))
        await self._end_leftovers()
        checks.check_ports(self._asked)
        undo.callback(self._places.sign_in_run.unlink, missing_ok=True)
        self.settings = completed(self._asked, self._places)
        web_ui_address(self.settings)
        undo.callback(self._places.processes.unlink, missing_ok=True)

    async def _start(self, parts: list[Part], undo: contextlib.AsyncExitStack) -> None:
        for part in parts:
            log = self._places.logs / f"{part.name}.log"
            log.open("ab").close()  # what cannot be written is found before any part is started
            watched = Watched(part, environment(self._settings_of(part)), log, self._say, self._record)
            self._parts[part.name] = watched
            undo.push_async_callback(watched.stop)
        try:
            async with asyncio.TaskGroup() as side_by_side:
                for part in parts:
                    side_by_side.create_task(self._parts[part.name].start())
        except ExceptionGroup as errors:
            if clear := errors.subgroup((ClearError, OSError)):
                raise clear.exceptions[0] from None
            raise

    def _settings_of(self, part: Part) -> Settings | None:
        """The settings of one process: its own secrets and signing keys alone, and the database as its own role."""
        needed = settings_for(part.name, self.settings)
        if needed is None:
            return None
        keys = self.settings.signing_keys_dir or self._places.signing_keys
        own: dict[str, Any] = {
            "signing_keys_dir": hand_keys(keys, self._places.handed_keys / part.name, part.signs_for)
        }
        if (port := self.metrics_ports.get(part.name)) is not None:
            own |= {"metrics_port": port}
        if part.role is not None and checks.embeds_postgres(self._asked):
            own |= {"database_url": postgres_url(self._places.socket_dir, DATABASE, part.role)}
        return needed.model_copy(update=own)

    async def _end_leftovers(self) -> None:
        try:
            ended = await asyncio.to_thread(end_leftovers, self._places.processes, _LEFTOVERS_END_WITHIN)
        except UnreadableRecordError:
            self._say(
                f"{self._places.processes} cannot be read and is passed over: "
                "if processes of an earlier run are left, end them by hand"
            )
            return
        if ended:
            self._say(f"ended what an earlier run had left behind: {', '.join(ended)}")

    def _record(self) -> None:
        marks = {name: part.mark for name, part in self._parts.items() if part.mark}
        try:
            record(marks, self._places.processes)
        except OSError as error:  # a full disk, which must not keep a part from being restarted
            self._say(f"{self._places.processes} cannot be written ({error.strerror}): a later start may not find all")


@contextlib.contextmanager
def _only_one(lock: Path) -> Iterator[None]:
    with lock.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise checks.StackError(
                f"a stack is already running on {lock.parent}: stop it first, or set another TETSUZUKI_STATE_DIR"
            ) from None
        yield
