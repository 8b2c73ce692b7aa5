"""What happens while an operator is waited for: reminded, a supervisor told, the case handed on to a colleague."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date
from functools import partial
from typing import Protocol

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.common.calendar import opening_of
    from workflows.common.waiting import until

ESCALATION_DAYS = (1, 2, 3)
"""Business days of waiting for an operator after which they are reminded, a supervisor is told, and the case goes on
to a colleague."""


class Desk(Protocol):
    """What the escalation asks of a procedure's steps."""

    async def business_days_after_today(self, *counts: int) -> tuple[date, ...]: ...

    async def remind_operator(self, on: date) -> None: ...

    async def tell_supervisor(self, on: date) -> None: ...

    async def reassign(self) -> None: ...


class Escalation:
    """Runs beside the story of one case, from when it is an operator's turn until somebody acts."""

    def __init__(self, desk: Desk, refresh: Callable[[], Awaitable[None]]) -> None:
        self._desk = desk
        self._refresh = refresh
        self._current: _EscalationRun | None = None

    @property
    def running(self) -> bool:
        """Whether an operator is waited for."""
        return self._current is not None

    def begin(self) -> None:
        """Begin at the bottom."""
        self.rest()
        self._current = _EscalationRun(self._desk, self._refresh)

    def rest(self) -> None:
        """Nobody has to be reminded any longer."""
        if self._current:
            self._current.end()
            self._current = None


class _EscalationRun:
    """One time up the escalation."""

    def __init__(self, desk: Desk, refresh: Callable[[], Awaitable[None]]) -> None:
        self._desk = desk
        self._refresh = refresh
        self._acting = False
        self._ended = False
        self._task = asyncio.create_task(self._run())

    def end(self) -> None:
        self._ended = True
        # What is under way ends in its own time: whether a case has been given to a colleague is never left open.
        if not self._acting:
            self._task.cancel()

    async def _run(self) -> None:
        remind_on, escalate_on, reassign_on = await self._desk.business_days_after_today(*ESCALATION_DAYS)
        await self._step(remind_on, "担当者に催促する", partial(self._desk.remind_operator, remind_on))
        await self._step(escalate_on, "責任者に知らせる", partial(self._desk.tell_supervisor, escalate_on))
        await self._step(reassign_on, "別の担当者に替える", self._hand_on)

    async def _step(self, day: date, summary: str, act: Callable[[], Awaitable[None]]) -> None:
        if self._ended:
            return
        await workflow.sleep(until(opening_of(day)), summary=summary)
        self._acting = True
        await act()
        self._acting = False

    async def _hand_on(self) -> None:
        await self._desk.reassign()
        await self._refresh()
