"""The due date of one case, watched beside its `run` until the notice is out (Y11)."""

import asyncio

from temporalio import workflow

from models.common.calendar import end_of, opening_of
from models.yayoi.mails import MailKind
from models.yayoi.office_state import OfficeState
from workflows.common.operator_turn import OperatorTurn
from workflows.common.tasks_beside import TasksBeside
from workflows.common.waiting import until
from workflows.yayoi.office_steps import OfficeSteps


class DueDate:
    """Alerts an operator before the due date, and notifies the applicant once it has passed."""

    def __init__(
        self,
        state: OfficeState,
        steps: OfficeSteps,
        turn: OperatorTurn,
        beside: TasksBeside,
    ) -> None:
        self._state = state
        self._steps = steps
        self._turn = turn
        self._beside = beside
        self._task: asyncio.Task[None] | None = None

    def watch(self) -> None:
        """Begin to watch."""
        self._task = self._beside.begin(self._watch())

    def end(self) -> None:
        """The notice is out, or the case is ending: the due date no longer matters."""
        if self._task:
            self._task.cancel()

    async def _watch(self) -> None:
        case = self._state.case
        await workflow.sleep(until(opening_of(case.alert_on)), summary="完了予定日が近いことを担当者に知らせる")
        await self._steps.alert_operator()
        await self._turn.begin()
        await workflow.sleep(until(end_of(case.due_date)), summary="完了予定日を過ぎたことを申込者に知らせる")
        self._state.overdue = True
        await self._steps.rest()  # first: the mail says of every office what its row does
        await self._steps.mail(MailKind.DELAY)
        await self._steps.rest()
        if self._state.undelivered:
            await self._turn.begin_unless_begun()
