"""Where an office's procedure stands, kept visible: search attributes, Current Details, and the application's table."""

from datetime import date

from temporalio import workflow
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from models.common.messages import TimelineEntry
    from models.common.waiting_for import WaitingFor
    from models.yayoi.office_state import OfficeState
    from models.yayoi.procedures import Stage
    from workflows.common.failing_activities import no_longer_failing
    from workflows.common.search_attributes import ASSIGNEE, FAILING, ON_HOLD, OVERDUE, STAGE, WAITING_FOR
    from workflows.yayoi.office_details import office_details

OFFICE_PROGRESSED = "office_progressed"
"""The signal by which an office's procedure tells its application where it stands."""


class OfficeView:
    """What the procedure shows of its state."""

    def __init__(self, state: OfficeState) -> None:
        self._state = state

    def enter(self, stage: Stage) -> None:
        """Begin a stage in which the system works."""
        self._state.enter(stage, WaitingFor.SYSTEM, None)
        workflow.upsert_search_attributes([STAGE.value_set(stage), WAITING_FOR.value_set(WaitingFor.SYSTEM)])
        self.show()

    async def rest(self, stage: Stage, waiting_for: WaitingFor, until: date | None) -> None:
        """Rest at a stage until a person has acted, and tell the application."""
        self._state.enter(stage, waiting_for, until)
        await self.refresh()

    async def refresh(self) -> None:
        """Show every search attribute anew, and tell the application."""
        state = self._state
        workflow.upsert_search_attributes(
            [
                STAGE.value_set(state.stage),
                WAITING_FOR.value_set(WaitingFor.OPERATOR if state.held else state.whose_turn),
                OVERDUE.value_set(state.overdue),
                ON_HOLD.value_set(state.held),
                ASSIGNEE.value_set(state.assignee) if state.assignee else ASSIGNEE.value_unset(),
            ]
        )
        self.show()
        await self.tell_application()

    def note(self, text: str) -> None:
        """Add an entry to the timeline."""
        self._state.timeline.append(TimelineEntry(at=workflow.now(), text=text))
        self.show()

    def show(self) -> None:
        workflow.set_current_details(office_details(self._state, workflow.info().namespace))

    async def failing(self, activity: str) -> None:
        """Show operators that an activity, named by its type, keeps failing."""
        known = activity in self._state.failing
        self._state.failing.add(activity)
        workflow.upsert_search_attributes([FAILING.value_set(True), WAITING_FOR.value_set(WaitingFor.OPERATOR)])
        if known:
            return
        self.note(f"処理の失敗が続いている（{activity}）")
        await self.tell_application()

    def ended(self, activity: str) -> None:
        """Take that back as soon as that activity has ended."""
        if no_longer_failing(self._state.failing, activity):
            waiting_for = WaitingFor.OPERATOR if self._state.held else self._state.waiting_for
            workflow.upsert_search_attributes([FAILING.value_set(False), WAITING_FOR.value_set(waiting_for)])
            self.note("失敗が続いていた処理が終わった")

    async def tell_application(self) -> None:
        application = workflow.info().parent
        if application is None:
            return
        handle = workflow.get_external_workflow_handle(application.workflow_id)
        try:
            await handle.signal(OFFICE_PROGRESSED, self._state.progress)
        except FailureError:
            # The application was ended by hand; this office's procedure goes on all the same.
            workflow.logger.warning("the application no longer runs; its table is not kept up to date")
