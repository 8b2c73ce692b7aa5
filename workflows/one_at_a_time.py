"""Letting what several people ask for happen one after the other: each finds what the one before has left."""

from collections.abc import Awaitable, Callable
from functools import wraps
from types import TracebackType
from typing import ParamSpec

from temporalio import workflow

ONE_AT_A_TIME = "one-at-a-time"
"""A patch: what is asked for while the same is under way waits for it."""

Parameters = ParamSpec("Parameters")


class OneAtATime:
    """`async with` it around everything that must not be interleaved."""

    def __init__(self) -> None:
        self._inside = 0

    @property
    def taken(self) -> bool:
        """Whether something is under way that others have to wait for."""
        return self._inside > 0 and workflow.patched(ONE_AT_A_TIME)

    async def __aenter__(self) -> bool:
        """Return whether it had to be waited for: what was possible may be so no longer."""
        waited = False
        while self.taken:
            waited = True
            await workflow.wait_condition(lambda: not self._inside)
        self._inside += 1
        return waited

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._inside -= 1

    def taking(self, step: Callable[Parameters, Awaitable[None]]) -> Callable[Parameters, Awaitable[None]]:
        """Return the step as one that waits for its turn."""

        @wraps(step)
        async def in_turn(*args: Parameters.args, **kwargs: Parameters.kwargs) -> None:
            async with self:
                await step(*args, **kwargs)

        return in_turn
