"""Heeding *Request Cancellation*: the procedure is told and decides; what is under way is never torn apart."""

import asyncio
from collections.abc import Callable
from functools import wraps
from typing import Any, Protocol, TypeVar, cast


class HeedsCancellation(Protocol):
    """A procedure that can be asked to cancel."""

    async def cancellation_requested(self) -> None:
        """Take note of the request; the story goes on and comes to its own end."""


Run = TypeVar("Run", bound=Callable[..., Any])


def heeding_cancellation(run: Run) -> Run:
    """Let the story of a workflow run on when its cancellation is requested, telling it once.

    An activity that is under way ends in its own time: whether its effect happened is never left open.
    """

    @wraps(run)
    async def shielded(self: HeedsCancellation, case: Any) -> Any:
        story = asyncio.ensure_future(run(self, case))
        try:
            return await asyncio.shield(story)
        except asyncio.CancelledError:
            await self.cancellation_requested()
            return await story

    return cast("Run", shielded)
