"""The messages between every procedure and the common activities."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Self

from models.common.actors import Actor
from models.common.case_status import CaseStatus
from models.common.identifiers import counted
from models.common.message import Message
from models.common.operators_by_name import by_name
from models.common.signed_acts import SignedAct

ACTIVITY_FAILING = "activity_failing"
"""The signal that asks a workflow to look which of its activities keep failing."""
TRY_LATER = "TryLater"
"""The type of the failure of an update that was tried and found something away that it needs."""
MAIL_HELD = "MailHeld"
"""The type of the failure of what waits since a restore until an operator releases it."""
MAIL_REFUSED = "MailRefused"
"""The type of the failure of a mail that no further try will deliver: its address is refused for good, or is none."""
OPERATIONS_LOST = "operations_lost"
"""The signal that asks a workflow to look which operations a Reset has not taken again."""
MAIL_RETURNED = "mail_returned"
"""The signal that asks a workflow to look which of the mails of its case have come back."""
ROW_CHANGED = "row_changed"
"""The signal that asks a workflow to look at its row: something was done to it on the pages."""


class CaseRef(Message):
    """A case, or one part of it: by these two it is known to ledger, audit trail, status rows and operators' lists."""

    case_no: str
    part: int | None = None
    """None: the case as a whole."""


class CaseStep(CaseRef):
    """One step of a case, at the workflow's own time: the input of an activity."""

    at: datetime
    status: CaseStatus | None = None
    """Where the case is while the step is taken, if that has changed: stored in the step's own transaction."""
    act: SignedAct | None = None
    """The signed operation that the step belongs to: kept in the audit trail."""
    asked_as: str | None = None
    """The id of the update that it belongs to; None: the procedure takes it by itself."""

    @classmethod
    def of(cls, case: CaseRef, at: datetime, /, **facts: Any) -> Self:
        """Build the step; `facts` are the fields that the kind of step adds."""
        return cls(case_no=case.case_no, part=case.part, at=at, **facts)


class CountedStep(CaseStep):
    """A step that is taken once for each occurrence."""

    occurrence: int = 1

    @property
    def counted(self) -> str:
        """What distinguishes it in its ledger key."""
        return counted(self.occurrence, self.asked_as)


class RecordAction(CountedStep):
    """Put what somebody did into the audit trail."""

    action: str
    detail: str = ""
    by: str
    reason: str


class AssignCase(CountedStep):
    """Find an operator: a named one, or the one with the fewest cases who is not on leave."""

    all_parts: bool = False
    """Whether every open part of the case is assigned, instead of the one that the step is about."""
    to: str | None = None
    but_not: str | None = None
    by: str = "system"
    reason: str = ""


REQUEST_CANCELLATION = "request_cancellation"
"""The operation of a request by nobody: Temporal's own *Request Cancellation* of the whole case."""


class RequestOperation(CountedStep):
    """Request an operation on every part of a case: each part takes it once."""

    operation: str
    label: str
    """What it is called in the operators' language."""
    by: str
    reason: str
    commitment: str | None = None
    """What the update that requests it has committed to."""
    message: dict[str, Any]
    """The operation's own message, as JSON."""


class RequestsAfter(CaseStep):
    """What was requested of every part of a case after the request of this number."""

    number: int


class CaseRequest(Message):
    """One request; `number` counts those of a case."""

    number: int
    operation: str
    by: str
    """Who has requested it."""
    asked_as: str | None = None
    """The id of the update that has requested it."""
    commitment: str | None = None
    message: dict[str, Any]


class CaseRequests(Message):
    """Requests in their order."""

    requests: tuple[CaseRequest, ...]


class TimelineEntry(Message):
    """One thing that happened to a case, at the case's own time."""

    at: datetime
    text: str


class OperatorsTask(Message):
    """What waits for an operator, as a mail says it."""

    next_step: str
    """Why, and what is to be done."""
    since: datetime | None = None
    """Since when; None: nothing waits yet."""
    operations: tuple[tuple[str, str], ...] = ()
    """What can be done about it: the names of the operations, and what they are called."""
    because: str = ""
    """Who has given it to this operator, and why; empty where that is not what the mail is about."""

    def with_names(self, operators: Mapping[str, str]) -> Self:
        """Return it with operators by what they are called, given by handle."""
        texts = {"next_step": self.next_step, "because": self.because}
        return self.model_copy(update={name: by_name(text, operators) for name, text in texts.items()})


class SentMail(Message):
    """A mail that the SMTP server has taken."""

    message_id: str | None
    """None: there was nothing to send."""


class BouncedMail(Message):
    """A mail of a case that has come back and was not sent again since."""

    key: str
    """Which mail it is: its ledger key."""
    kind: str
    because: str
    """Why, in Japanese, without the address."""


class BouncedMails(Message):
    """Those of a case, in the order in which they were sent."""

    mails: tuple[BouncedMail, ...]


class LostOperation(Message):
    """An operation that had taken effect, and that the running history does not know since a Reset."""

    update_id: str
    action: str
    """What the audit trail says was done."""
    by: str
    """Who has done it."""

    @property
    def shown(self) -> str:
        return f"{self.action}（{Actor.recorded(self.by).shown}）"


class LostOperations(Message):
    """Those of a case, in the order in which they were done."""

    operations: tuple[LostOperation, ...]


class ReadReturnedMails(Message):
    """Look into the mailbox of returned mails."""

    at_most: int = 200
    """How many of them; the next look takes the rest."""


class ReturnedMailsRead(Message):
    """How many returned mails were stored and deleted, and how many say nothing of ours and were kept."""

    stored: int = 0
    kept: int = 0


class WorkflowRun(Message):
    """One run of a workflow."""

    workflow_id: str
    run_id: str


class FailingActivities(Message):
    """The activities of a workflow, by their types, that keep failing."""

    names: tuple[str, ...]


class Assigned(Message):
    """The operator in charge, by their handle; None if nobody is there."""

    operator: str | None
    by_another: bool = False
    """Whether it is somebody else than before, who has not taken the case themselves."""


class BusinessDays(Message):
    """Which business days are wanted: those that lie `counts` business days after `day` (Y25)."""

    day: date
    counts: tuple[int, ...]


class BusinessDaysFound(Message):
    """One day for each count."""

    days: tuple[date, ...]
