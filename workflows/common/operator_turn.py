"""When a case waits for an operator: begun, escalated day by day, and over when somebody has acted (Y11, Y25)."""

from collections.abc import Callable

from temporalio import workflow

from models.common.case_state import CaseState
from models.common.waiting_for import WaitingFor
from workflows.common.case_steps import CaseSteps
from workflows.common.case_view import CaseView
from workflows.common.escalation import Escalation

CANCELLATION_ASKED = "Temporal の画面などから取り消しの依頼（Request Cancellation）があった。手続きは変わっていない"


class OperatorTurn:
    """Runs beside the `run` of one case.

    `still_needed` says whether an operator has more to do though one has acted: then the turn begins anew.
    """

    def __init__(
        self,
        state: CaseState,
        view: CaseView,
        steps: CaseSteps,
        escalation: Escalation,
        still_needed: Callable[[], bool],
    ) -> None:
        self._state = state
        self._view = view
        self._steps = steps
        self._escalation = escalation
        self._still_needed = still_needed
        self._waited_for = WaitingFor.APPLICANT

    async def begin(self) -> None:
        """Wait for an operator: remind, notify a supervisor, hand the case on, on business days."""
        self.stop()
        self._view.note("担当者の対応を待っている")
        await self._steps.assign("担当者の対応が必要になったため")
        if self._state.waiting_for not in {WaitingFor.OPERATOR, WaitingFor.SYSTEM}:
            self._waited_for = self._state.waiting_for
        self._state.waiting_for = WaitingFor.OPERATOR
        self._state.turn_since = workflow.now()
        await self._steps.rest()
        self._escalation.begin()

    async def begin_unless_begun(self) -> None:
        """Wait for an operator, unless one is waited for already."""
        if not (self._escalation.running and self._state.waiting_for is WaitingFor.OPERATOR):
            await self.begin()
        else:
            await self._steps.rest()

    async def cancellation_asked(self) -> None:
        """*Request Cancellation* does not say who asks for it: an operator decides, and nothing is undone before."""
        self._view.note(CANCELLATION_ASKED)
        self._state.cancellation_asked = True
        await self.begin_unless_begun()

    async def acknowledge(self) -> None:
        """An operator has acted: wait again for whom it waited before, unless an operator is needed still."""
        self._state.cancellation_asked, self._state.lost = False, ()
        if self._still_needed():
            await self.begin()
            return
        self.stop()
        if self._state.waiting_for is WaitingFor.OPERATOR:
            self._state.waiting_for = self._waited_for
        await self._steps.rest()

    async def resumed(self) -> None:
        """A held case goes on: an operator has acted."""
        if self._escalation.running:
            await self.acknowledge()
        else:
            await self._steps.rest()

    async def wait_for_retry(self) -> None:
        """Wait until an operator has a step tried again that a system has refused for good, or ends the case."""
        waited_for, leaving = self._state.waiting_for, self._state.leaving
        await self.begin()
        await workflow.wait_condition(lambda: self._state.refused is None or (self._state.leaving and not leaving))
        self.stop()
        self._state.refused, self._state.waiting_for = None, waited_for

    def stop(self) -> None:
        """Nobody has to be reminded any longer."""
        self._escalation.stop()
