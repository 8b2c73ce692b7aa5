"""Heeding *Request Cancellation*: the procedure is told and decides; what is under way is never torn apart."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from functools import wraps
from typing import Any, Protocol, TypeVar

Result = TypeVar("Result")
Input = TypeVar("Input")


class HeedsCancellation(Protocol):
    """A procedure that can be asked to cancel."""

    async def cancellation_requested(self) -> None:
        """Take note of the request; the story goes on and comes to its own end."""


Self = TypeVar("Self", bound=HeedsCancellation)
Run = Callable[[Self, Input], Coroutine[Any, Any, Result]]


def heeding_cancellation(run: Callable[[Self, Input], Awaitable[Result]]) -> Run[Self, Input, Result]:
    """Let the story of a workflow run on when its cancellation is requested, telling it once.

    An activity that is under way ends in its own time: whether its effect happened is never left open.
    """

    @wraps(run)
    async def shielded(self: Self, case: Input) -> Result:
        story = asyncio.ensure_future(run(self, case))
        try:
            return await asyncio.shield(story)
        except asyncio.CancelledError:
            await self.cancellation_requested()
            return await story

    return shielded
