"""Waiting for people: until a condition holds, with actions scheduled meanwhile."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial

from temporalio import workflow

from models.common.calendar import day_in_japan, opening_of
from workflows.common.tasks_beside import TasksBeside


@dataclass(frozen=True)
class ScheduledAction:
    """At the time that `at` gives, `act`. The summary is what an operator reads beside the timer.

    `at` is called again whenever the wait wakes up, since a deadline may have been moved.
    """

    at: Callable[[], datetime]
    summary: str
    act: Callable[[], Awaitable[None]]
    reminds: bool = False
    """Whether it is skipped once the next reminder is due as well."""


def reminders(days: Sequence[date], summary: str, act: Callable[[int], Awaitable[None]]) -> list[ScheduledAction]:
    """One action for each day, at the opening hour."""
    return [
        ScheduledAction(
            partial(opening_of, day), f"{summary}（{occurrence} 回目）", partial(act, occurrence), reminds=True
        )
        for occurrence, day in enumerate(days, start=1)
    ]


def until(time: datetime) -> timedelta:
    """How long a timer runs until then; one that has passed still fires, so that the sequence is the same."""
    return max(time - workflow.now(), timedelta(seconds=1))


@contextmanager
def every_morning(beside: TasksBeside, look: Callable[[], Awaitable[None]], summary: str) -> Iterator[None]:
    """Look at the opening hour of every day, as long as the block lasts."""

    async def each() -> None:
        while True:
            tomorrow = day_in_japan(workflow.now()) + timedelta(days=1)
            await workflow.sleep(until(opening_of(tomorrow)), summary=summary)
            await look()

    looking = beside.begin(each())
    try:
        yield
    finally:
        looking.cancel()


async def wait_until(
    done: Callable[[], bool], actions: Iterable[ScheduledAction], *, held: Callable[[], bool] = lambda: False
) -> bool:
    """Wait until `done` holds, acting at each time in turn; False if the last action is over and it still does not.

    While `held`, an action that is due waits until the hold has ended.
    """
    to_come = list(actions)
    while to_come and not done():
        following = min(to_come, key=lambda action: action.at())
        if not await _is_due(following, done):
            continue
        was_held = held()
        await workflow.wait_condition(lambda: done() or not held())
        if done() or (was_held and _was_moved(following)):
            continue
        if was_held:
            following = _last_of_the_overtaken(following, to_come)
        to_come.remove(following)
        await following.act()
        if not done() and _was_moved(following):
            to_come.append(following)
    return done()


def _was_moved(action: ScheduledAction) -> bool:
    return action.at() > workflow.now()


def _last_of_the_overtaken(following: ScheduledAction, to_come: list[ScheduledAction]) -> ScheduledAction:
    """Remove the reminders that the next one has overtaken; return which is to be acted on."""
    due = [action for action in to_come if action.reminds and action.at() <= workflow.now()]
    *overtaken, last = sorted(due, key=lambda action: action.at()) or [following]
    for action in overtaken:
        to_come.remove(action)
    return last if following in overtaken else following


async def _is_due(action: ScheduledAction, done: Callable[[], bool]) -> bool:
    """Wait for an action's time; False if `done` holds before, or the time was moved."""
    at = action.at()
    try:
        await workflow.wait_condition(
            lambda: done() or action.at() != at,
            # Acted on even if it has passed: a timer of a second keeps the sequence the same.
            timeout=until(at).total_seconds(),
            timeout_summary=action.summary,
        )
    except TimeoutError:
        return True
    return False
