"""When a case waits for an operator: before the due date, and whenever somebody has to act (Y11, Y25)."""

import asyncio
from collections.abc import Callable, Sequence

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.common.calendar import end_of, opening_of
    from models.common.waiting_for import WaitingFor
    from models.yayoi.mails import MailKind
    from models.yayoi.office_state import OfficeState
    from workflows.common.escalation import Escalation
    from workflows.common.waiting import until
    from workflows.yayoi.office_steps import OfficeSteps
    from workflows.yayoi.office_view import OfficeView


class OperatorTurn:
    """Runs beside the `run` of one case."""

    def __init__(self, state: OfficeState, view: OfficeView, steps: OfficeSteps) -> None:
        self._state = state
        self._view = view
        self._steps = steps
        self._due_date: asyncio.Task[None] | None = None
        self._escalation = Escalation(steps, view.refresh)

    def keep_due_date(self, reasons_of_delay: Callable[[], Sequence[str]]) -> None:
        """Y11: alert an operator before the due date, and notify the applicant once it has passed."""
        self._due_date = asyncio.create_task(self._keep_due_date(reasons_of_delay))

    async def begin(self) -> None:
        """Wait for an operator: remind, notify a supervisor, hand the case on, on business days."""
        self.stop()
        self._view.note("担当者の対応を待っている")
        await self._view.wait_at(self._state.stage, WaitingFor.OPERATOR, self._state.waits_until)
        self._escalation.begin()

    async def begin_if_undelivered(self) -> None:
        """Wait for an operator, who reaches the customer by phone, unless one is waited for already."""
        waited_for = self._escalation.running and self._state.waiting_for is WaitingFor.OPERATOR
        if self._state.undelivered and not waited_for:
            await self.begin()

    async def resumed(self) -> None:
        """A held case goes on: an operator has acted."""
        if self._escalation.running:
            await self.acknowledge()
        else:
            await self._view.refresh()

    async def acknowledge(self) -> None:
        """An operator has acted: wait for the applicant again, unless they have not been notified."""
        if self._state.notice_undelivered:
            await self.begin()
            return
        self.stop()
        if self._state.waiting_for is WaitingFor.OPERATOR:
            self._state.waiting_for = WaitingFor.APPLICANT
        await self._view.refresh()

    def stop(self) -> None:
        """Nobody has to be reminded any longer."""
        self._escalation.stop()

    def end(self) -> None:
        """The notice is out, or the case is ending: the due date no longer matters."""
        self.stop()
        if self._due_date:
            self._due_date.cancel()

    async def _keep_due_date(self, reasons_of_delay: Callable[[], Sequence[str]]) -> None:
        case = self._state.case
        await workflow.sleep(until(opening_of(case.alert_on)), summary="完了予定日が近いことを担当者に知らせる")
        await self._steps.mail(MailKind.DUE_DATE_IN_DANGER)
        await self.begin()
        await workflow.sleep(until(end_of(case.due_date)), summary="完了予定日を過ぎたことを申込者に知らせる")
        self._state.overdue = True
        await self._steps.mail(MailKind.DELAY, points=tuple(reasons_of_delay()), until=self._state.expires_on)
        await self._view.refresh()
        await self.begin_if_undelivered()
