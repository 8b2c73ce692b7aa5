"""What happens while an operator is waited for: reminded, a supervisor told, the case handed on to a colleague."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta
from typing import Protocol

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.calendar import opening_of

LADDER = (1, 2, 3)
"""Business days of waiting for an operator after which they are reminded, a supervisor is told, and the case goes on
to a colleague."""


class Desk(Protocol):
    """What the ladder asks of a procedure's steps."""

    async def business_days_after_today(self, *counts: int) -> tuple[date, ...]: ...

    async def remind_operator(self, on: date) -> None: ...

    async def tell_supervisor(self, on: date) -> None: ...

    async def reassign(self) -> None: ...


class Ladder:
    """Runs beside the story of one case, from when it is an operator's turn until somebody acts."""

    def __init__(self, desk: Desk, refresh: Callable[[], Awaitable[None]]) -> None:
        self._desk = desk
        self._refresh = refresh
        self._climbing: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Begin at the bottom."""
        self.rest()
        self._climbing = asyncio.create_task(self._climb())

    def rest(self) -> None:
        """Nobody has to be reminded any longer."""
        if self._climbing:
            self._climbing.cancel()
            self._climbing = None

    async def _climb(self) -> None:
        remind_on, escalate_on, reassign_on = await self._desk.business_days_after_today(*LADDER)
        await workflow.sleep(until(opening_of(remind_on)), summary="担当者に催促する")
        await self._desk.remind_operator(remind_on)
        await workflow.sleep(until(opening_of(escalate_on)), summary="責任者に知らせる")
        await self._desk.tell_supervisor(escalate_on)
        await workflow.sleep(until(opening_of(reassign_on)), summary="別の担当者に替える")
        await self._desk.reassign()
        await self._refresh()


def until(moment: datetime) -> timedelta:
    """How long a timer runs until then; one that has passed still fires, so that the sequence is the same."""
    return max(moment - workflow.now(), timedelta(seconds=1))
