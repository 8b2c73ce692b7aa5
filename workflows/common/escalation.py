"""While an operator is waited for: reminded, a supervisor notified, the case handed on to a colleague."""

from collections.abc import Awaitable, Callable
from datetime import date
from functools import partial
from typing import Protocol

from temporalio import workflow

from models.common.calendar import opening_of
from workflows.common.business_days import business_days_after_today
from workflows.common.tasks_beside import TasksBeside
from workflows.common.waiting import until

ESCALATION_DAYS = (1, 2, 3)
"""Business days of waiting for an operator after which they are reminded, a supervisor is notified, and the case goes
on to a colleague."""


class EscalationSteps(Protocol):
    """What the escalation needs of a procedure's steps."""

    async def remind_operator(self, on: date) -> None: ...

    async def notify_supervisor(self, on: date) -> None: ...

    async def reassign(self) -> None: ...

    async def rest(self) -> None: ...


class Escalation:
    """Runs beside one case, from when it waits for an operator until somebody acts."""

    def __init__(self, steps: EscalationSteps, beside: TasksBeside) -> None:
        self._steps = steps
        self._beside = beside
        self._current: _EscalationRun | None = None

    @property
    def running(self) -> bool:
        """Whether an operator is waited for."""
        return self._current is not None

    def begin(self) -> None:
        """Begin with the first step, also if it was running."""
        self.stop()
        self._current = _EscalationRun(self._steps, self._beside)

    def stop(self) -> None:
        """Nobody has to be reminded any longer."""
        if self._current:
            self._current.end()
            self._current = None


class _EscalationRun:
    """The three steps, each on the morning of its day."""

    def __init__(self, steps: EscalationSteps, beside: TasksBeside) -> None:
        self._steps = steps
        self._acting = False
        self._ended = False
        self._task = beside.begin(self._run())

    def end(self) -> None:
        self._ended = True
        # A step that is under way ends in its own time: cancelled, it could leave a case assigned and not shown so.
        if not self._acting:
            self._task.cancel()

    async def _run(self) -> None:
        remind_on, notify_on, reassign_on = await business_days_after_today(*ESCALATION_DAYS)
        await self._step(remind_on, "担当者に催促する", partial(self._steps.remind_operator, remind_on))
        await self._step(notify_on, "責任者に知らせる", partial(self._steps.notify_supervisor, notify_on))
        await self._step(reassign_on, "別の担当者に替える", self._steps.reassign)

    async def _step(self, day: date, summary: str, act: Callable[[], Awaitable[None]]) -> None:
        if self._ended:
            return
        await workflow.sleep(until(opening_of(day)), summary=summary)
        self._acting = True
        await act()
        await self._steps.rest()
        self._acting = False
