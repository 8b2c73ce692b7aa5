"""What a case shows of itself: its columns and its page in the Web UI, its timeline, and its status for its row."""

from collections.abc import Callable, Mapping
from datetime import date
from enum import StrEnum
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeKey

from models.common.acting import who_is_shown
from models.common.case_state import CaseState
from models.common.case_status import CaseStatus, StageEntered
from models.common.messages import TimelineEntry
from models.common.operator_message import ActionMessage
from models.common.waiting_for import WaitingFor

Columns = Mapping[SearchAttributeKey[Any], Any]
"""What the operators' lists show, by their columns; None: nothing."""


class CaseView:
    """Keeps what has changed until it is shown: once, where the case comes to rest or a step does not end at once."""

    def __init__(self, state: CaseState, details: Callable[[], str], columns: Callable[[], Columns]) -> None:
        self._state = state
        self._details = details
        self._columns = columns
        self._changed = True
        self._version = 0
        self._since = workflow.now()
        self._entered: list[StageEntered] = []
        self._written: CaseStatus | None = None

    def enter(self, stage: StrEnum, waiting_for: WaitingFor = WaitingFor.SYSTEM, until: date | None = None) -> None:
        """Enter a stage, or stay there and wait for somebody else."""
        state = self._state
        if stage != state.stage:
            self._since = workflow.now()
            entered = StageEntered(
                version=self._next_version(), stage=stage, at=self._since, undoing=state.ending is not None
            )
            self._entered.append(entered)
        state.stage, state.waiting_for, state.waits_until = stage, waiting_for, until
        self._changed = True

    def note(self, text: str, message: ActionMessage | None = None) -> None:
        """Add an entry to the timeline; with a `message`, also who acts, and why."""
        by = f"（{who_is_shown()}：{message.reason}）" if message else ""
        self._state.timeline.append(TimelineEntry(at=workflow.now(), text=f"{text}{by}"))
        self._changed = True

    def show(self) -> None:
        """Show what has changed: an unchanged column is not written again, and an unchanged page not rendered."""
        known = workflow.info().typed_search_attributes
        changed = {key: value for key, value in self._columns().items() if known.get(key) != value}
        if changed:
            workflow.upsert_search_attributes(
                [key.value_unset() if value is None else key.value_set(value) for key, value in changed.items()]
            )
        if changed or self._changed:
            workflow.set_current_details(self._details())
            self._changed = False

    # --- the status row -----------------------------------------------------------------------------------------------

    def unwritten_status(self) -> CaseStatus | None:
        """Return the status as it is now, if its row does not have it yet; None for a case that has no row.

        None, too, as long as the row may know more: a case that was reset takes over what it says, and writes then.
        """
        if self._written is None or not self._state.row_is_known:
            return None
        facts = self._facts()
        if not self._entered and all(getattr(self._written, name) == fact for name, fact in facts.items()):
            return None
        return CaseStatus(version=self._next_version(), at=workflow.now(), entered=tuple(self._entered), **facts)

    def status_written(self, status: CaseStatus) -> None:
        """Keep what the row has now."""
        self._entered = [each for each in self._entered if each not in status.entered]
        if self._written is None or status.version > self._written.version:
            self._written = status.model_copy(update={"entered": ()})

    def begins_as(self, status: CaseStatus) -> None:
        """Take over what the row said when the case was stored."""
        self._since, self._version = status.since, status.version
        self.status_written(status)

    def continues_after(self, version: int) -> None:
        """Write only what is newer than this version, whatever the clock says."""
        self._version = max(self._version, version)

    @property
    def version(self) -> int:
        """Which version the row has."""
        return self._written.version if self._written else 0

    @property
    def written(self) -> CaseStatus | None:
        """What the row has, for a case that goes on in a new run."""
        return self._written

    def _facts(self) -> dict[str, Any]:
        """Return what the row says beside when it was written."""
        state, info = self._state, workflow.info()
        return {
            "workflow_id": info.workflow_id,
            "first_run_id": info.first_execution_run_id,
            "stage": state.stage,
            "since": self._since,
            "waiting_for": state.whose_turn,
            "until": state.waits_until,
            "due_on": state.due_on,
            "assignee": state.assignee,
            "overdue": state.overdue,
            "held": state.held,
            "failing": bool(state.failing),
            "undelivered": state.mail_undelivered,
            "awaits_approval": state.awaits_approval,
            "ending": state.ending,
            "outcome": state.outcome,
            "points": state.points,
            "at_rest": state.at_rest,
        }

    def _next_version(self) -> int:
        """Count up, by the workflow's clock: after a Reset the next change is still newer than all before it."""
        self._version = max(self._version + 1, int(workflow.now().timestamp() * 1000))
        return self._version
