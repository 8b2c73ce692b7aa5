"""Work that is done again and again while the web runs, and at once when there is something new."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta

_log = logging.getLogger(__name__)


class PeriodicJob:
    """Runs one job every `every`, sooner when woken; a failure is logged and the next round tries again."""

    def __init__(self, job: Callable[[], Awaitable[None]], every: timedelta) -> None:
        self._job = job
        self._every = every.total_seconds()
        self._woken = asyncio.Event()

    def wake(self) -> None:
        self._woken.set()

    async def run(self) -> None:
        while True:
            self._woken.clear()
            try:
                await self._job()
            except Exception as error:  # noqa: BLE001 a background job outlives every failure of one round
                # The type only: the text of a database error may hold what was being stored.
                _log.error("%s failed and is tried again: %s", self._job.__qualname__, type(error).__name__)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._every):
                    await self._woken.wait()
