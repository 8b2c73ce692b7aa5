"""The inputs and outputs of workflows and activities: ids and facts; names and addresses stay in Postgres."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from models.common.acting import SYSTEM
from models.common.message import Message
from models.common.messages import CaseRef, CaseStep, CountedStep, OperatorsTask
from models.common.waiting_for import WaitingFor
from models.yayoi.identifiers import ApplicationNo, ContractId, OfficeToken, YayoiId
from models.yayoi.mails import MailKind
from models.yayoi.operator_actions import LinkHolder, ServiceRelinked, SetUpStepDone, SharingReleased
from models.yayoi.pair_rules import PairProblem
from models.yayoi.procedures import ApplicationStage, Procedure, SetUpStep, Stage
from models.yayoi.service_links import Coverage, LinkKind, link_label


class OfficeRef(CaseRef):
    """One pair of one application, which is a part of its case."""

    case_no: ApplicationNo
    part: int

    @property
    def spoken(self) -> str:
        return f"{self.case_no} の {self.part} 件目"


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
    """The last day on which what blocks the case can be corrected (Y27)."""
    release_delegated: bool
    """The applicant wants the sharing released for them (Y13)."""
    alert_on: date
    """The business day on which an operator is notified that the due date is in danger."""
    assignee: str | None = None
    """The operator in charge."""


class ApplicationCase(CaseRef):
    """All that `MultiOfficeApplication` has to know when it starts."""

    case_no: ApplicationNo
    offices: tuple[OfficeCase, ...]
    submission_id: UUID | None = None
    """The form that it was started for: a workflow of the same number may be another's, after a restore."""

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
    WITHDRAWN = "取り下げ"
    CANCELLED = "取り消し"
    EXPIRED = "期限切れ"
    TERMINATED = "強制終了"
    """Ended by hand in the Web UI; the daily reconciliation undoes what was done for it (Y27)."""

    @property
    def kept(self) -> bool:
        """Whether the pair keeps its contract ID: it was not undone, and what is open can be done later (Y25)."""
        return self in KEPT


KEPT = (Outcome.COMPLETED, Outcome.INCOMPLETE)


class OfficeOutcome(Message):
    """How one office's procedure ended, and what is still open (Y25)."""

    office_no: int
    outcome: Outcome
    contract_id: ContractId | None = None
    open_points: tuple[str, ...] = ()
    last: bool = False
    """Whether all other offices of the application had closed before: with this one the application has ended."""


class OfficeOutcomes(Message):
    """How those offices of an application ended that have closed."""

    offices: tuple[OfficeOutcome, ...]


class ApplicationOutcome(Message):
    """How the application ended."""

    offices: tuple[OfficeOutcome, ...]


class OfficeProgress(Message):
    """Where an office's procedure is, for operators and tests."""

    office_no: int
    office_name: str
    stage: Stage
    waiting_for: WaitingFor
    waits_until: date | None = None
    contract_id: ContractId | None = None
    open_points: tuple[str, ...] = ()
    outcome: Outcome | None = None
    due_on: date | None = None
    overdue: bool = False
    held: bool = False
    failing: bool = False
    undelivered: bool = False
    awaits_approval: bool = False
    assignee: str | None = None


class ApplicationProgress(Message):
    """Where the application as a whole is."""

    application_no: ApplicationNo
    stage: ApplicationStage
    due_date: date
    assignee: str | None
    """The operator to whom all offices were given at first."""
    undelivered: tuple[MailKind, ...]
    """Mails to the applicant that were refused for good."""
    offices: tuple[OfficeOutcome, ...]
    """How each office has ended that has."""


# --- activities -------------------------------------------------------------------------------------------------------


class OfficeStep(OfficeRef, CaseStep):
    """One step for one office."""


class StartedOffice(Message):
    """What runs under an office's id; `ours` False: nothing does, or what a stranger had started was ended."""

    ours: bool


class NumberedLink(Message):
    """A link by its number among those that are remembered for its pair: what the service is called stays there."""

    number: int
    kind: LinkKind

    @property
    def label(self) -> str:
        return link_label(self.kind, self.number)


class Relinked(NumberedLink):
    """What the new link covers (Y21)."""

    coverage: Coverage


class RecordedOffice(Message):
    """What our records say of an office's case when it is first checked: much, if its workflow was reset to there."""

    version: int = 0
    """Of its status row: what is written from now on is newer."""
    assignee: str | None = None
    expires_on: date | None = None
    """Until when it was waited for the customer, whom an operator may have given more time."""
    closes_on: date | None = None
    """On which day it closes, complete or not: counted from the notice, or from when it was reopened (Y25)."""
    done: tuple[SetUpStep, ...] = ()
    relinked: tuple[Relinked, ...] = ()
    retracted: bool = False
    """Whether a record of these was ever taken back."""
    closings: int = 0
    """How often it was closed: the last one is not undone by a Reset."""
    closed: bool = False
    over: bool = False
    """Whether nothing that was open then can still be done (Y25)."""
    undone_as: Outcome | None = None
    """How it has ended early; the case ends so again, and nothing is done for it any more (Y27)."""
    points: tuple[str, ...] = ()
    """What the applicant read about why."""


class CheckResult(Message):
    """What the registry says about a pair (Y2, Y3, Y5). No problems: it holds all that it names, and may go on."""

    problems: tuple[PairProblem, ...] = ()
    frozen: bool = False
    """Whether smart import of its office is frozen for it (Y12)."""
    waits_for_holder: bool = False
    """Whether the contract's holder has to confirm the application first (Y5a): what of the Yayoi ID is wrong is shown
    only then."""
    refused_by_holder: bool = False
    holder_unasked: bool = False
    """Whether the holder has no mail that names the pair, or its links were ended."""
    recorded: RecordedOffice | None = None
    """What had taken effect before; None: it was not looked up."""


class FrozenImport(Message):
    """Smart import of the office is frozen (Y12)."""

    frozen_at: datetime


class ThawedImport(Message):
    """Smart import of the office runs again (Y12)."""

    thawed_at: datetime | None
    """None: this pair had frozen none."""


class RememberedLink(NumberedLink):
    """A link as it was before it was lost (Y14)."""

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
    by: str = SYSTEM
    delegated: bool = False
    """True: the system releases it. False: it was released outside and is recorded here."""


class RestoredSharing(Message):
    """The accounting offices that the system shares with again, having released them itself (Y27)."""

    firms: tuple[str, ...]


class CorrectedPair(CheckResult):
    """The pair as it is after a correction, and what is still wrong with it."""

    office_name: str


class CorrectPairStep(OfficeRef, CountedStep):
    """Correct the pair in the application; what is None stays."""

    yayoi_id: YayoiId | None
    office_token: OfficeToken | None
    issued_contract_id: ContractId | None = None
    """The ID that was issued before, in 会計連携の追加 (Y9)."""
    by: str
    reason: str
    by_applicant: bool = False
    """Whether the applicant typed it on the application's page; otherwise an operator recorded it."""


class CorrectNamesStep(OfficeRef, CountedStep):
    """Correct names that the applicant has typed; what is None stays."""

    family_name: str | None
    given_name: str | None
    office_name: str | None
    by: str
    reason: str


class RevokedContract(Message):
    """The contract ID that no longer counts (Y27)."""

    contract_id: ContractId | None


class AttachedContract(Message):
    """The contract ID, issued before, that the office is managed with now (Y9)."""

    contract_id: ContractId
    lost_links: tuple[RememberedLink, ...] = ()
    """The office's links until then, lost with the old ID (Y14)."""


class IssueStep(OfficeStep):
    """Issue the pair's contract ID (Y15)."""

    in_any_order: bool = False
    """Whether it no longer waits for earlier pairs of the application."""


class IssuedContract(Message):
    """The new contract ID (Y15). `number` counts the IDs issued on the same existing contract."""

    contract_id: ContractId
    number: int
    lost_links: tuple[RememberedLink, ...] = ()
    """The office's links until then, lost with the old ID (Y14)."""


class SendMail(CountedStep):
    """One mail. The same case, part, kind and occurrence is the same mail, however often it is sent."""

    kind: MailKind
    points: tuple[str, ...] = ()
    """Lines that this mail lists: what is wrong, or what is still open."""
    until: date | None = None
    """The day by which the applicant has to act."""
    to_applicant: bool = False
    """Whether one that usually goes to the pair's own Yayoi ID goes to the applicant, about the whole case."""
    again: bool = False
    """Whether an operator has it sent once more."""
    ends_application: bool = False
    """Whether with what it is about the whole application has ended: it says so, and no other mail does (Y18)."""
    turn: OperatorsTask | None = None
    """Of a mail to operators: what waits for them."""
    to_handle: str | None = None
    """Of a mail to operators: whom it goes to, if not to who is in charge."""


OFFICE_CLOSED = "closed"
"""The signal by which an office that goes on after it has closed asks its application to look (Y25)."""


class RecordSetUpStep(OfficeRef, CountedStep):
    """Record one step of STEP5 or STEP6 in the registry (Y19, Y20); once more only if that was taken back."""

    report: SetUpStepDone
    by: str


class RetractStep(OfficeRef, CountedStep):
    """Take back the record of a step of STEP5 or STEP6 (Y20)."""

    step: SetUpStep
    by: str
    reason: str


class RecordRelink(OfficeRef, CountedStep):
    """Record a service that was linked again (Y21); once more only if that was taken back."""

    report: ServiceRelinked
    by: str


class CorrectRelinkStep(OfficeRef, CountedStep):
    """Correct the days of a service that was linked again, or take the record back (Y21)."""

    link: int
    """Its number among the links that are remembered for the pair."""
    relinked_on: date | None
    """None: it was not linked again."""
    asked_from: date | None = None
    by: str
    reason: str
    event_id: str | None = None


class RecordForEnded(OfficeRef, CountedStep):
    """Record what a signed operation says of a case whose workflow has ended: `act` is all that it says (Y21, Y25)."""


class CorrectedRelink(NumberedLink):
    """What the new link covers by the corrected days; None: it was not made (Y21)."""

    coverage: Coverage | None


class CloseOffice(OfficeRef, CountedStep):
    """Close the office's part of the application; its Yayoi ID and token are free for others again (Y1).

    A case may be closed with something open, and later for good, or be reopened (Y25).
    """

    reopened_as: str | None = None
    """The last update that has reopened it."""
    outcome: Outcome
    open_points: tuple[str, ...]
    contract_id: ContractId | None = None


class ClosedApplication(Message):
    """`mailed`: whether the mail about its last office, which ended early, has said that it is over (Y18)."""

    mailed: bool


class RenewLinkStep(OfficeRef, CountedStep):
    """End a link to our pages: the next one has a number of its own."""

    whose: LinkHolder
    by: str
    reason: str


class RenewedLink(Message):
    """The number of the link that opens the pages now; None: the next mail to the contract's holder has new ones."""

    link_no: int | None = None


class ReopenOffice(OfficeRef, CountedStep):
    """Open the office's part again; its Yayoi ID and token are held again (Y1, Y25)."""

    by: str
    reason: str
