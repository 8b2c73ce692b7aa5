"""What every case shows of itself: its page in the Web UI, the timeline there, and that an activity keeps failing."""

from abc import ABC, abstractmethod
from typing import Generic, Protocol, TypeVar

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.common.messages import TimelineEntry
    from models.common.operator_message import ActionMessage
    from models.common.waiting_for import WaitingFor
    from workflows.common.failing_activities import no_longer_failing
    from workflows.common.search_attributes import FAILING, WAITING_FOR


class ShownState(Protocol):
    """The part of a case's state that every view shows."""

    failing: set[str]
    """The activities, by their types, that keep failing."""
    timeline: list[TimelineEntry]


State = TypeVar("State", bound=ShownState)


class CaseView(ABC, Generic[State]):
    """The base of a procedure's view of its state."""

    def __init__(self, state: State) -> None:
        self._state = state

    @abstractmethod
    def _details(self) -> str:
        """Return the page."""

    @abstractmethod
    def _waiting_for(self) -> WaitingFor:
        """Return for whom the case waits, as operators' lists show it."""

    def show(self) -> None:
        workflow.set_current_details(self._details())

    def note(self, text: str, message: ActionMessage | None = None) -> None:
        """Add an entry to the timeline; `message` says who did it, and why."""
        by = f"（{message.by}：{message.reason}）" if message else ""
        self._state.timeline.append(TimelineEntry(at=workflow.now(), text=f"{text}{by}"))
        self.show()

    def activity_ended(self, activity: str) -> None:
        """Show no longer that this activity keeps failing, if it did."""
        if no_longer_failing(self._state.failing, activity):
            workflow.upsert_search_attributes([FAILING.value_set(False), WAITING_FOR.value_set(self._waiting_for())])
            self.note("失敗が続いていた処理が終わった")

    def show_failing(self, activity: str) -> bool:
        """Show that an activity, named by its type, keeps failing; True if it was not known."""
        known = activity in self._state.failing
        self._state.failing.add(activity)
        workflow.upsert_search_attributes([FAILING.value_set(True), WAITING_FOR.value_set(WaitingFor.OPERATOR)])
        if not known:
            self.note(f"処理の失敗が続いている（{activity}）")
        return not known
