"""Where an office's procedure is: search attributes, Current Details, and the application's table."""

from datetime import date

from temporalio import workflow
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from models.common.waiting_for import WaitingFor
    from models.yayoi.office_state import OfficeState
    from models.yayoi.procedures import Stage
    from workflows.common.case_view import CaseView
    from workflows.common.search_attributes import ASSIGNEE, ON_HOLD, OVERDUE, STAGE, WAITING_FOR
    from workflows.yayoi.office_details import office_details

OFFICE_PROGRESSED = "office_progressed"
"""The signal by which an office's procedure reports to its application."""


class OfficeView(CaseView[OfficeState]):
    """What the procedure shows of its state."""

    def enter(self, stage: Stage) -> None:
        """Begin a stage in which the system works."""
        self._state.enter(stage, WaitingFor.SYSTEM, None)
        workflow.upsert_search_attributes([STAGE.value_set(stage), WAITING_FOR.value_set(WaitingFor.SYSTEM)])
        self.show()

    async def wait_at(self, stage: Stage, waiting_for: WaitingFor, until: date | None) -> None:
        """Stay at a stage until a person has acted, and notify the application."""
        self._state.enter(stage, waiting_for, until)
        await self.refresh()

    async def refresh(self) -> None:
        """Show every search attribute anew, and notify the application."""
        state = self._state
        workflow.upsert_search_attributes(
            [
                STAGE.value_set(state.stage),
                WAITING_FOR.value_set(self._waiting_for()),
                OVERDUE.value_set(state.overdue),
                ON_HOLD.value_set(state.held),
                ASSIGNEE.value_set(state.assignee) if state.assignee else ASSIGNEE.value_unset(),
            ]
        )
        self.show()
        await self.notify_application()

    async def failing(self, activity: str) -> None:
        """Show operators that an activity, named by its type, keeps failing."""
        if self.show_failing(activity):
            await self.notify_application()

    def _details(self) -> str:
        return office_details(self._state, workflow.info().namespace)

    def _waiting_for(self) -> WaitingFor:
        return WaitingFor.OPERATOR if self._state.held else self._state.whose_turn

    async def notify_application(self) -> None:
        application = workflow.info().parent
        if application is None:
            return
        handle = workflow.get_external_workflow_handle(application.workflow_id)
        try:
            await handle.signal(OFFICE_PROGRESSED, self._state.progress)
        except FailureError:
            # The application was ended by hand; this office's procedure goes on all the same.
            workflow.logger.warning("the application no longer runs; its table is not kept up to date")
