"""Tasks beside the story of a case, such as the watch over its due date: an error in one is an error of the case."""

import asyncio
from collections.abc import Coroutine
from contextvars import copy_context
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.exceptions import is_cancelled_exception


class EndsEarlyError(Exception):
    """Somebody or a deadline has ended the case before its end."""


Outcome = TypeVar("Outcome")


class TasksBeside:
    """Begins tasks and keeps the first exception of any of them. To be made with the workflow."""

    def __init__(self) -> None:
        # A task belongs to no update, even if it begins while one is handled.
        self._context = copy_context()
        self._failure: BaseException | None = None

    def begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Begin a task; whoever needs it no longer cancels it."""
        task = asyncio.create_task(self._kept(work), context=self._context)
        task.add_done_callback(lambda _: work.close())  # of one that was cancelled before it began
        return task

    async def lead(self, story: Coroutine[Any, Any, Outcome]) -> Outcome:
        """Run the story to its end. Raises the first exception of a task beside it as it is.

        Without this it would vanish: reminders would stop for weeks, and nobody would see it.
        """
        running = asyncio.create_task(story)
        await workflow.wait_condition(lambda: running.done() or self._failure is not None)
        if self._failure is not None:
            raise self._failure
        return await running

    async def _kept(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except asyncio.CancelledError:
            raise
        except EndsEarlyError:
            return  # the story ends for the same reason
        except BaseException as error:  # noqa: BLE001 `lead` raises it
            # Cancelled within an activity, a task ends by that activity's error: taken for a failure, it would end the
            # case of whoever answers an operator's turn in the moment in which it begins.
            if not is_cancelled_exception(error):
                self._failure = self._failure or error
