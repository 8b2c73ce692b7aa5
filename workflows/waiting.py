"""Waiting for people: until something holds, with something to do at given moments meanwhile."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.calendar import opening_of


@dataclass(frozen=True)
class Moment:
    """At the time that `at` gives, `act`. The summary is what an operator reads beside the timer.

    `at` is asked again whenever the wait wakes up, since a deadline may have been moved.
    """

    at: Callable[[], datetime]
    summary: str
    act: Callable[[], Awaitable[None]]


def reminders(days: Sequence[date], summary: str, act: Callable[[int], Awaitable[None]]) -> list[Moment]:
    """One moment for each day, at the opening hour."""
    return [
        Moment(partial(opening_of, day), f"{summary}（{occurrence} 回目）", partial(act, occurrence))
        for occurrence, day in enumerate(days, start=1)
    ]


async def wait_through(
    done: Callable[[], bool], moments: Iterable[Moment], *, held: Callable[[], bool] = lambda: False
) -> bool:
    """Wait until `done` holds, acting at each moment in turn; False if the last one passed and it still does not.

    While `held`, a moment that comes is acted on only when the hold has ended.
    """
    to_come = list(moments)
    while to_come and not done():
        following = min(to_come, key=lambda moment: moment.at())
        if await _has_come(following, done):
            await workflow.wait_condition(lambda: done() or not held())
            if not done():
                to_come.remove(following)
                await following.act()
    return done()


async def _has_come(moment: Moment, done: Callable[[], bool]) -> bool:
    """Wait for a moment; False if `done` holds before, or the moment was moved."""
    at = moment.at()
    try:
        await workflow.wait_condition(
            lambda: done() or moment.at() != at,
            # A moment that has passed is still acted on: a timer of a second keeps the sequence the same.
            timeout=max((at - workflow.now()).total_seconds(), 1),
            timeout_summary=moment.summary,
        )
    except TimeoutError:
        return True
    return False
