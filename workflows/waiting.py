"""Waiting for people: until something holds, with something to do at given moments meanwhile."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from temporalio import workflow


@dataclass(frozen=True)
class Moment:
    """At `at`, `act`. The summary is what an operator reads beside the timer."""

    at: datetime
    summary: str
    act: Callable[[], Awaitable[None]]


async def wait_through(done: Callable[[], bool], moments: Sequence[Moment]) -> bool:
    """Wait until `done` holds, acting at each moment in turn; False if the last moment passed and it still does not."""
    for moment in sorted(moments, key=lambda moment: moment.at):
        try:
            # A moment that has passed already is still acted on: a timer of a second keeps the sequence the same.
            await workflow.wait_condition(
                done,
                timeout=max((moment.at - workflow.now()).total_seconds(), 1),
                timeout_summary=moment.summary,
            )
        except TimeoutError:
            await moment.act()
        else:
            return True
    return done()
