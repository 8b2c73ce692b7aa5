"""Ends an activity before Temporal gives it up.

Temporal tells the workflow first and the worker afterwards: what commits in between would take effect although whoever
asked for it has been told that it has not.
"""

import asyncio
from datetime import timedelta
from typing import Any

from temporalio import activity
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

_BEFORE = timedelta(seconds=1)
_AT_MOST = 0.1
"""Of the time that an activity has."""


class EndBeforeGivenUp(Interceptor):
    """Cancels an activity shortly before its time is over, so that its transaction is rolled back; it has failed."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 the SDK's
        return _EndBeforeGivenUp(next)


class _EndBeforeGivenUp(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 the SDK's name
        async with asyncio.timeout(_seconds_left(activity.info())):
            return await super().execute_activity(input)


def _seconds_left(info: activity.Info) -> float | None:
    """Return how long this try may take; both times that are subtracted are the server's."""
    left = [info.start_to_close_timeout] if info.start_to_close_timeout else []
    if info.schedule_to_close_timeout:
        left.append(info.schedule_to_close_timeout - (info.started_time - info.scheduled_time))
    if not left:
        return None
    return max(min(left) - min(_BEFORE, min(left) * _AT_MOST), timedelta()).total_seconds()
