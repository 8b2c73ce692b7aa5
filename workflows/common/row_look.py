"""Looking at a row after a signal: a signal carries no facts, since anybody who reaches Temporal can send one."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from workflows.common.tasks_beside import EndsEarlyError


class RowLook:
    """Looks one after the other; a signal during a look brings one more, and any further one none."""

    def __init__(self, look: Callable[[], Awaitable[None]]) -> None:
        self._look = look
        self._turn = asyncio.Lock()
        self._one_waits = False

    async def look(self) -> None:
        """Look, unless a look that has not begun yet will see the same."""
        if self._one_waits:
            return
        self._one_waits = True
        async with self._turn:
            self._one_waits = False
            with suppress(EndsEarlyError):  # in a signal's handler it would fail the task; the story ends as well
                await self._look()
