"""What workflows, activities and clients say to each other. Ids and facts: names and addresses stay in Postgres."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any, Self

from pydantic import BaseModel, ConfigDict

from models.identifiers import ApplicationNo, ContractId
from models.links import Coverage, LinkKind
from models.mails import MailKind
from models.procedures import Procedure, SetUpStep, Stage, WaitingFor


class Message(BaseModel):
    """One frozen value; unknown fields are refused, so that a typing mistake is not silently dropped."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class OfficeRef(Message):
    """One pair of one application."""

    application_no: ApplicationNo
    office_no: int

    @property
    def spoken(self) -> str:
        return f"{self.application_no} の {self.office_no} 件目"


# --- the procedures ---------------------------------------------------------------------------------------------------


class OfficeCase(OfficeRef):
    """All that `OfficeDataProcedure` has to know when it starts."""

    office_name: str
    procedure: Procedure
    existing_contract_id: ContractId
    applied_at: datetime
    due_date: date
    """Y11."""
    expires_on: date
    """The last day on which what blocks the case can be mended (Y27)."""
    release_delegated: bool
    """The applicant wants the sharing released for them (Y13)."""


class ApplicationCase(Message):
    """All that `MultiOfficeApplication` has to know when it starts."""

    application_no: ApplicationNo
    offices: tuple[OfficeCase, ...]

    @property
    def due_date(self) -> date:
        return self.offices[0].due_date

    @property
    def procedure(self) -> Procedure:
        return self.offices[0].procedure

    @property
    def existing_contract_id(self) -> ContractId:
        return self.offices[0].existing_contract_id


class Outcome(StrEnum):
    """How an office's procedure ended."""

    COMPLETED = "完了"
    INCOMPLETE = "未完了の項目あり"
    REJECTED = "却下"
    EXPIRED = "期限切れ"


class OfficeOutcome(Message):
    """How one office's procedure ended, and what is still open (Y25)."""

    office_no: int
    outcome: Outcome
    contract_id: ContractId | None = None
    open_points: tuple[str, ...] = ()


class ApplicationOutcome(Message):
    """How the application ended."""

    offices: tuple[OfficeOutcome, ...]


class OfficeProgress(Message):
    """Where an office's procedure stands: told to the application, shown to operators and on the case page."""

    office_no: int
    office_name: str
    stage: Stage
    waiting_for: WaitingFor
    waits_until: date | None = None
    contract_id: ContractId | None = None
    open_points: tuple[str, ...] = ()
    outcome: Outcome | None = None
    overdue: bool = False


class ApplicationProgress(Message):
    """Where the application stands."""

    application_no: ApplicationNo
    due_date: date
    offices: tuple[OfficeProgress, ...]
    closed: bool


# --- what customers, operators and other systems report --------------------------------------------------------------


class Report(Message):
    """Something that happened outside. Every report says who reports it; operators also say why."""

    by: str
    """Who reports it: an operator's name, or `system:<name>`."""
    reason: str = ""
    event_id: str | None = None
    """The stored event that this report carries, if another system sent it."""


class SharingReleased(Report):
    """Sharing with the accounting office has ended (Y13)."""


class SetUpStepDone(Report):
    """The customer has done one step of STEP5 or STEP6 (Y19, Y20)."""

    step: SetUpStep


class ServiceRelinked(Report):
    """The customer has linked one service again (Y21)."""

    kind: LinkKind
    service: str
    relinked_on: date
    asked_from: date | None = None
    """The day the customer chose to import from; registers ignore it."""


# --- activities -------------------------------------------------------------------------------------------------------


class OfficeStep(OfficeRef):
    """One step for one office, at the workflow's own time."""

    at: datetime

    @classmethod
    def of(cls, pair: OfficeRef, at: datetime, **facts: Any) -> Self:
        """Build the step for a pair; `facts` are the fields that the kind of step adds."""
        return cls(application_no=pair.application_no, office_no=pair.office_no, at=at, **facts)


class Problem(Message):
    """Why a pair cannot be processed. `rule` is the number of the rule it breaks."""

    rule: str
    message: str


class CheckResult(Message):
    """What the registry says about a pair (Y2, Y3, Y5). No problems: it may go on."""

    problems: tuple[Problem, ...] = ()


class FrozenImport(Message):
    """Smart import of the office is frozen (Y12)."""

    frozen_at: datetime


class ThawedImport(Message):
    """Smart import of the office runs again (Y12)."""

    thawed_at: datetime


class RememberedLink(Message):
    """A link as it was before it was lost (Y14)."""

    kind: LinkKind
    service: str
    last_imported_on: date | None


class RememberedLinks(Message):
    """All links of the office as they were (Y14)."""

    links: tuple[RememberedLink, ...]


class SharingState(Message):
    """With which accounting offices smart import is shared; empty when it is not (Y13)."""

    shared_with: tuple[str, ...]


class EndSharing(OfficeStep):
    """Record that sharing has ended, or end it on the applicant's behalf (Y13)."""

    report: SharingReleased
    delegated: bool = False
    """True: the system releases it. False: it was released outside and is recorded here."""


class IssuedContract(Message):
    """The new contract ID (Y15). `number` counts the IDs issued on the same existing contract."""

    contract_id: ContractId
    number: int


class SendMail(Message):
    """One mail. The same application, office, kind and occurrence is the same mail, however often it is asked for."""

    application_no: ApplicationNo
    office_no: int | None = None
    kind: MailKind
    at: datetime
    occurrence: int = 1
    points: tuple[str, ...] = ()
    """Lines that this mail lists: what is wrong, or what is still open."""
    until: date | None = None
    """The day by which something is asked for."""


class SentMail(Message):
    """A mail that the SMTP server has taken."""

    message_id: str


class RecordSetUpStep(OfficeStep):
    """Record one step of STEP5 or STEP6 in the registry (Y19, Y20)."""

    report: SetUpStepDone


class RecordRelink(OfficeStep):
    """Record a service that was linked again (Y21)."""

    report: ServiceRelinked


class Relinked(Message):
    """What the new link covers (Y21)."""

    kind: LinkKind
    service: str
    coverage: Coverage


class CloseOffice(OfficeStep):
    """Close the office's part of the application; its Yayoi ID and token are free for others again (Y1)."""

    outcome: Outcome
    open_points: tuple[str, ...]


class CloseApplication(Message):
    """Close the application when all its offices have ended."""

    application_no: ApplicationNo
    at: datetime


class BusinessDays(Message):
    """Ask for the business days that lie `counts` business days after `day` (Y25)."""

    day: date
    counts: tuple[int, ...]


class BusinessDaysFound(Message):
    """One day for each count that was asked for."""

    days: tuple[date, ...]
