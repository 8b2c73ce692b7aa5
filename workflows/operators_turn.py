"""When a case is an operator's: before the due date, and whenever somebody has to look (Y11, Y25)."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.calendar import end_of, opening_of
    from models.mails import MailKind
    from models.office_state import OfficeState
    from models.procedures import WaitingFor
    from workflows.office_steps import OfficeSteps
    from workflows.office_view import OfficeView

LADDER = (1, 2, 3)
"""Business days of waiting for an operator after which they are reminded, a supervisor is told, and the case goes on
to a colleague."""


class OperatorsTurn:
    """Runs beside the story of one case."""

    def __init__(self, state: OfficeState, view: OfficeView, steps: OfficeSteps) -> None:
        self._state = state
        self._view = view
        self._steps = steps
        self._due_date: asyncio.Task[None] | None = None
        self._ladder: asyncio.Task[None] | None = None

    def keep_due_date(self, reasons_of_delay: Callable[[], Sequence[str]]) -> None:
        """Y11: alert an operator before the due date, and tell the applicant once it has passed."""
        self._due_date = asyncio.create_task(self._keep_due_date(reasons_of_delay))

    def due_date_kept(self) -> None:
        """The notice is out: the due date no longer matters."""
        if self._due_date:
            self._due_date.cancel()

    async def begin(self) -> None:
        """Make it an operator's turn: remind, tell a supervisor, hand the case on, on business days."""
        self.rest()
        self._view.note("担当者の対応を待っている")
        await self._view.rest(self._state.stage, WaitingFor.OPERATOR, self._state.waits_until)
        self._ladder = asyncio.create_task(self._climb())

    async def acknowledge(self) -> None:
        """An operator has acted: what is still missing is the applicant's again."""
        self.rest()
        if self._state.waiting_for is WaitingFor.OPERATOR:
            self._state.waiting_for = WaitingFor.APPLICANT
        await self._view.refresh()

    def rest(self) -> None:
        """Nobody has to be reminded any longer."""
        if self._ladder:
            self._ladder.cancel()
            self._ladder = None

    def end(self) -> None:
        """The case is ending."""
        self.rest()
        self.due_date_kept()

    async def _keep_due_date(self, reasons_of_delay: Callable[[], Sequence[str]]) -> None:
        case = self._state.case
        await workflow.sleep(_until(opening_of(case.alert_on)), summary="完了予定日が近いことを担当者に知らせる")
        await self._steps.mail(MailKind.DUE_DATE_IN_DANGER)
        await self.begin()
        await workflow.sleep(_until(end_of(case.due_date)), summary="完了予定日を過ぎたことを申込者に知らせる")
        self._state.overdue = True
        await self._steps.mail(MailKind.DELAY, points=tuple(reasons_of_delay()), until=self._state.expires_on)
        await self._view.refresh()

    async def _climb(self) -> None:
        remind_on, escalate_on, reassign_on = await self._steps.business_days_after_today(*LADDER)
        await workflow.sleep(_until(opening_of(remind_on)), summary="担当者に催促する")
        await self._steps.mail(MailKind.OPERATOR_REMINDER, remind_on.toordinal())
        await workflow.sleep(_until(opening_of(escalate_on)), summary="責任者に知らせる")
        await self._steps.mail(MailKind.OPERATOR_ESCALATION, escalate_on.toordinal())
        await workflow.sleep(_until(opening_of(reassign_on)), summary="別の担当者に替える")
        await self._steps.reassign()
        await self._view.refresh()


def _until(moment: datetime) -> timedelta:
    return max(moment - workflow.now(), timedelta(seconds=1))
