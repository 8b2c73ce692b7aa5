"""Where a registration stands, kept visible: search attributes and Current Details."""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.common.calendar import end_of
    from models.common.messages import TimelineEntry
    from models.common.waiting_for import WaitingFor
    from models.myics.registrations import RegistrationStage
    from models.myics.state import RegistrationState
    from workflows.common.failing_activities import no_longer_failing
    from workflows.common.search_attributes import ASSIGNEE, DUE_DATE, FAILING, STAGE, WAITING_FOR
    from workflows.myics.registration_details import registration_details


class RegistrationView:
    """What the procedure shows of its state."""

    def __init__(self, state: RegistrationState) -> None:
        self._state = state

    async def refresh(self) -> None:
        """Show every search attribute anew."""
        self.stand(self._state.stage, self._state.waiting_for)

    def stand(self, stage: RegistrationStage, waiting_for: WaitingFor) -> None:
        """Stand at a stage, whoever's turn it is."""
        state = self._state
        state.stage, state.waiting_for = stage, waiting_for
        shown = WaitingFor.OPERATOR if state.failing else waiting_for
        workflow.upsert_search_attributes(
            [
                STAGE.value_set(stage),
                WAITING_FOR.value_set(shown),
                DUE_DATE.value_set(end_of(state.expires_on) - timedelta(seconds=1)),
                ASSIGNEE.value_set(state.assignee) if state.assignee else ASSIGNEE.value_unset(),
            ]
        )
        self.show()

    def note(self, text: str) -> None:
        """Add an entry to the timeline."""
        self._state.timeline.append(TimelineEntry(at=workflow.now(), text=text))
        self.show()

    def show(self) -> None:
        workflow.set_current_details(registration_details(self._state))

    def failing(self, what: str) -> None:
        """Show operators that an activity keeps failing."""
        known = what in self._state.failing
        self._state.failing.add(what)
        workflow.upsert_search_attributes([FAILING.value_set(True), WAITING_FOR.value_set(WaitingFor.OPERATOR)])
        if not known:
            self.note(f"処理の失敗が続いている（{what}）")

    def ended(self, what: str) -> None:
        """Take that back as soon as the activity has ended."""
        if no_longer_failing(self._state.failing, what):
            workflow.upsert_search_attributes(
                [FAILING.value_set(False), WAITING_FOR.value_set(self._state.waiting_for)]
            )
            self.note("失敗が続いていた処理が終わった")
