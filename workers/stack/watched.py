"""A part of the stack that is started, restarted when it dies, and stopped."""

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from workers.program import Say
from workers.stack.checks import StackError
from workers.stack.child import Child, ProcessMark
from workers.stack.parts import Part
from workers.stack.postgres import RESTORE

_READY_WITHIN = 60.0  # seconds, as all below
_FIRST_DELAY = 0.2
_LONGEST_DELAY = 30.0
_LIVED_WELL = 10.0  # after so long, the next restart is quick again
_LAST_LINES = 10


class Watched:
    """One part. `changed` is called when it has a new process."""

    def __init__(
        self, part: Part, environment: Mapping[str, str], log: Path, say: Say, changed: Callable[[], None]
    ) -> None:
        self._part = part
        self._environment = environment
        self._log = log
        self._say = say
        self._changed = changed
        self._child: Child | None = None
        self._watch: asyncio.Task[None] | None = None
        self.ready = asyncio.Event()

    @property
    def mark(self) -> ProcessMark | None:
        """Its process; None before the first start."""
        return self._child.mark if self._child else None

    async def start(self) -> None:
        """Start it for the first time. Here an early end is an error, not a reason to try again.

        Raises:
            StackError: it ended, or was not ready in time.

        """
        child = await self._spawn()
        how = await self._ready_or_ended(child)
        if how is not None:
            advice = f"\nif its files are damaged: {RESTORE}" if self._part.keeps_data else ""
            raise StackError(f"{self._part.name} {how}; the end of {self._log}:\n{self._last_words()}{advice}")
        self._watch = asyncio.create_task(self._keep(child), name=f"keep {self._part.name}")

    def kill(self) -> None:
        """`kill -9`."""
        self.ready.clear()
        if self._child:
            self._child.kill()

    async def stop(self) -> None:
        """End it for good: gently at first, then by force."""
        if self._watch:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        if self._child and not await self._child.stop(self._part.patience):
            self._say(f"{self._part.name} had to be killed: it did not end within {self._part.patience:.0f} s")

    async def _keep(self, child: Child) -> None:
        delay = _FIRST_DELAY
        born = time.monotonic()
        how: str | None = await child.ended()
        while True:
            self.ready.clear()
            delay = _FIRST_DELAY if time.monotonic() - born > _LIVED_WELL else min(2 * delay, _LONGEST_DELAY)
            self._say(f"{self._part.name} {how}: restarting it in {delay:.1f} s (log: {self._log})")
            await asyncio.sleep(delay)
            born = time.monotonic()
            try:
                child = await self._spawn()
                how = await self._ready_or_ended(child)
            except Exception as error:  # noqa: BLE001 whatever it is, the part is tried again
                if self._child:  # the one that was begun, if it came so far
                    await self._child.stop(self._part.patience)
                how = f"could not be restarted: {error}"
            if how is None:
                self._say(f"{self._part.name} is back")
                how = await child.ended()

    async def _spawn(self) -> Child:
        command = await asyncio.to_thread(self._part.prepare)
        self._child = await Child.start(command, self._environment, self._log, self._part.stop_signal)
        self._changed()
        return self._child

    async def _ready_or_ended(self, child: Child) -> str | None:
        """None: ready. Else what has become of it."""
        ended, ready = asyncio.ensure_future(child.ended()), asyncio.ensure_future(self._part.ready(child.mark.pid))
        try:
            done, _ = await asyncio.wait((ended, ready), timeout=_READY_WITHIN, return_when=asyncio.FIRST_COMPLETED)
            if ended in done:
                return ended.result()
            if ready not in done:
                await child.stop(self._part.patience)
                return f"was not ready within {_READY_WITHIN:.0f} s"
            ready.result()
            self.ready.set()
            return None
        finally:
            for waiting in (ended, ready):
                waiting.cancel()
            await asyncio.gather(ended, ready, return_exceptions=True)

    def _last_words(self) -> str:
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-_LAST_LINES:])
