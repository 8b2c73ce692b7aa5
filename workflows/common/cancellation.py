"""*Request Cancellation* as a request to the procedure: what is under way is not interrupted."""

import asyncio
from collections.abc import Callable
from functools import wraps
from typing import Any, Protocol, TypeVar, cast


class Cancellable(Protocol):
    """A workflow that can be asked to cancel."""

    async def cancellation_requested(self) -> None:
        """Take note of the request; `run` goes on and comes to its own end."""


class GoesOn:
    """The base of a workflow that nobody decides about: whoever asks it to cancel changes nothing.

    What it sends or records is owed to somebody; an engineer who wants it ended terminates it.
    """

    async def cancellation_requested(self) -> None:
        """Go on."""


Run = TypeVar("Run", bound=Callable[..., Any])


def shielded_from_cancellation(run: Run) -> Run:
    """Let a workflow's `run` go on when its cancellation is requested, and notify the procedure once.

    An activity that is under way ends in its own time: torn apart, nobody would know whether its effect happened.
    """

    @wraps(run)
    async def shielded(self: Cancellable, *case: Any) -> Any:
        running = asyncio.ensure_future(run(self, *case))
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            await self.cancellation_requested()
            return await running

    return cast("Run", shielded)
