"""Processing what waits: some at a time, none held up by another, the rest left for later while Temporal is away."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from web.common.temporal_calls import UnreachableError

AT_ONCE = 10
"""How many are under way at the same time."""

_log = logging.getLogger(__name__)
Waiting = TypeVar("Waiting")


async def process_batch(waiting: Sequence[Waiting], act: Callable[[Waiting], Awaitable[None]], what: str) -> None:
    """Act on each in turn. `what` names them in the log: "applications"; each is named by its own key there."""
    for first in range(0, len(waiting), AT_ONCE):
        some = waiting[first : first + AT_ONCE]
        results = await asyncio.gather(*map(act, some), return_exceptions=True)
        for each, result in zip(some, results, strict=True):
            if isinstance(result, BaseException) and not isinstance(result, UnreachableError):
                # The type only: the text of a database error may hold what was being stored.
                _log.error("%s: %s could not be started: %s", what, each, type(result).__name__)
        if any(isinstance(result, UnreachableError) for result in results):
            _log.warning("Temporal cannot be reached; %d %s wait to be started", len(waiting) - first, what)
            return
