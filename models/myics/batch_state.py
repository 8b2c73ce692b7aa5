"""The state of a file while it is processed: it is shown, and decides which operations are possible."""

from dataclasses import dataclass
from datetime import datetime

from models.common.case_state import CaseState
from models.common.waiting_for import WaitingFor
from models.myics.batches import BatchCase, BatchOutcome, BatchProgress, BatchStage


@dataclass(kw_only=True)
class BatchState(CaseState):
    """What is known of a file while it is processed."""

    case: BatchCase
    stage: BatchStage
    outcome: BatchOutcome | None = None
    progress: BatchProgress
    next_row: int
    changed_at: datetime | None
    """Of the newest stop or resumption that was taken."""
    waiting_to_start: int
    """How many registrations of this file have not been started while that is waited for."""
    waiting_since: datetime | None
    held_up: int = 0
    """How many registrations have waited so long for their start that operators are shown it."""

    @classmethod
    def of(cls, case: BatchCase) -> "BatchState":
        return cls(
            case=case,
            stage=BatchStage.STOPPED if case.progress.stopped else BatchStage.REGISTERING,
            progress=case.progress,
            next_row=case.next_row,
            changed_at=case.changed_at,
            waiting_to_start=case.waiting_to_start,
            waiting_since=case.waiting_since,
        )

    @property
    def whose_turn(self) -> WaitingFor:
        """Who has to act: registrations that are not started need somebody who looks at the web."""
        return WaitingFor.OPERATOR if self.held_up else super().whose_turn

    def in_a_new_run(self) -> BatchCase:
        """Return what the next run goes on with."""
        now = {
            "next_row": self.next_row,
            "changed_at": self.changed_at,
            "progress": self.progress,
            "waiting_to_start": self.waiting_to_start,
            "waiting_since": self.waiting_since,
        }
        return self.case.model_copy(update=now)
