"""Where a registration is: search attributes and Current Details."""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.common.calendar import end_of
    from models.common.waiting_for import WaitingFor
    from models.myics.registrations import RegistrationStage
    from models.myics.state import RegistrationState
    from workflows.common.case_view import CaseView
    from workflows.common.search_attributes import ASSIGNEE, DUE_DATE, STAGE, WAITING_FOR
    from workflows.myics.registration_details import registration_details


class RegistrationView(CaseView[RegistrationState]):
    """What the procedure shows of its state."""

    async def refresh(self) -> None:
        """Show every search attribute anew."""
        self.move_to(self._state.stage, self._state.waiting_for)

    def move_to(self, stage: RegistrationStage, waiting_for: WaitingFor) -> None:
        """Enter a stage, or stay there and wait for somebody else."""
        state = self._state
        state.stage, state.waiting_for = stage, waiting_for
        workflow.upsert_search_attributes(
            [
                STAGE.value_set(stage),
                WAITING_FOR.value_set(self._waiting_for()),
                DUE_DATE.value_set(end_of(state.expires_on) - timedelta(seconds=1)),
                ASSIGNEE.value_set(state.assignee) if state.assignee else ASSIGNEE.value_unset(),
            ]
        )
        self.show()

    def _details(self) -> str:
        return registration_details(self._state)

    def _waiting_for(self) -> WaitingFor:
        return WaitingFor.OPERATOR if self._state.failing else self._state.waiting_for
