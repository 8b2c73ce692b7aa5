"""Where a case is: what its row says to pages, lists and other systems."""

from datetime import date, datetime
from enum import StrEnum

from models.common.message import Message
from models.common.waiting_for import WaitingFor


class StageEntered(Message):
    """A stage that the case has entered."""

    version: int
    """Of the status with which it was entered: it orders the stages of the case."""
    stage: str
    at: datetime
    undoing: bool = False
    """Whether it belongs to an early exit, which leaves things as they were before (Y27)."""


class CaseStatus(Message):
    """The whole status of a case or of one part of it, as its workflow knows it at `at`."""

    version: int
    """Counts up with every change; a row takes only what is newer than itself."""
    at: datetime
    """The workflow's own time of the change."""
    stage: str
    """What operators read, such as 共有解除待ち."""
    since: datetime
    """When the stage was entered."""
    entered: tuple[StageEntered, ...] = ()
    """The stages that were entered since the status was last written; the last one may be `stage`."""
    waiting_for: WaitingFor
    until: date | None = None
    """The last day of what is waited for, in Japan."""
    due_on: date | None = None
    """The day by which what the customer was promised is due; None: it is done, or nothing was promised."""
    assignee: str | None = None
    overdue: bool = False
    held: bool = False
    failing: bool = False
    undelivered: bool = False
    """Whether a mail to the customer did not arrive, and none like it has since."""
    awaits_approval: bool = False
    """Whether a supervisor is asked to approve something."""
    ending: str | None = None
    """How it is ending early while it is being undone (Y27), and then how it has ended; None otherwise."""
    outcome: str | None = None
    """How it ended; None while it is open."""
    points: tuple[str, ...] = ()
    """What is wrong or still open, in the applicant's words."""
    at_rest: bool = False
    """Whether it waits for a person or has ended: only then is a change of stage published."""
    workflow_id: str | None = None
    """Of the workflow that writes it: a row takes nothing of another than the one that it was stored for. None: it is
    written by who stores the case, or has undone it."""
    first_run_id: str | None = None
    """With which run that workflow began: operations are signed for it."""

    @classmethod
    def first(
        cls, stage: StrEnum, at: datetime, waiting_for: WaitingFor = WaitingFor.SYSTEM, due_on: date | None = None
    ) -> "CaseStatus":
        """Return what the transaction that stores the case writes."""
        return cls(
            version=0,
            at=at,
            stage=stage,
            since=at,
            entered=(StageEntered(version=0, stage=stage, at=at),),
            waiting_for=waiting_for,
            due_on=due_on,
            at_rest=waiting_for is not WaitingFor.SYSTEM,
        )
