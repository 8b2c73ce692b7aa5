"""Registrations: their kinds and stages, and the messages between procedure, activities and web."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any, Self

from models.common.identifiers import counted
from models.common.message import Message
from models.common.messages import TimelineEntry
from models.common.waiting_for import WaitingFor
from models.myics.identifiers import CustomerNo, HolderNo, RegistrationNo, registration_workflow_id
from models.myics.mails import MyicsMail


class RegistrationKind(StrEnum):
    """What is registered; the value is stored."""

    REPRESENTATIVE = "representative"
    USER = "user"
    CLIENT = "client"
    UNLOCKING = "unlocking"
    RENEWAL = "renewal"
    """Not a registration: a new password for an account whose owner has forgotten the old one."""

    @property
    def label(self) -> str:
        """What operators read and search for."""
        return {
            RegistrationKind.REPRESENTATIVE: "MYICS 代表者の登録",
            RegistrationKind.USER: "MYICS ユーザーの登録",
            RegistrationKind.CLIENT: "MYICS 顧問先の登録",
            RegistrationKind.UNLOCKING: "MYICS ロックの解除",
            RegistrationKind.RENEWAL: "MYICS パスワードの再設定",
        }[self]

    @property
    def has_link(self) -> bool:
        """Whether a personal link is mailed."""
        return self.makes_account or self is RegistrationKind.RENEWAL

    @property
    def makes_account(self) -> bool:
        """Whether its account exists only if it is completed."""
        return self in {RegistrationKind.REPRESENTATIVE, RegistrationKind.USER}


class RegistrationStage(StrEnum):
    """The values are what operators read and search for."""

    RECEIVED = "受付"
    INVITED = "招待中"
    PROVISIONAL = "仮登録"
    USERS = "利用者の登録待ち"
    LOCKED = "ロック中"
    REGISTERED = "登録済み"
    RENEWING = "再設定待ち"
    RENEWED = "再設定済み"
    SUPERSEDED = "差し替え済み"
    """A newer link was requested for the same account: this one can no longer be used."""
    CLOSED = "終了"


class RegistrationOutcome(StrEnum):
    """How a registration ended."""

    REGISTERED = "登録済み"
    EXPIRED = "期限切れ"
    WITHDRAWN = "取り下げ"
    UNLOCKED = "解除済み"
    RENEWED = "再設定済み"
    SUPERSEDED = "差し替え済み"


class RegistrationRef(Message):
    """One registration."""

    registration_no: RegistrationNo

    @property
    def workflow_id(self) -> str:
        return registration_workflow_id(self.registration_no)

    @property
    def application_no(self) -> str:
        """The case's number, as ledger and audit trail name it."""
        return self.registration_no

    @property
    def office_no(self) -> int | None:
        """A registration has no parts."""
        return None


class RegistrationCase(RegistrationRef):
    """What a registration's procedure starts with."""

    kind: RegistrationKind
    customer_no: CustomerNo
    holder_no: HolderNo
    requested_at: datetime
    expires_on: date
    """The last day on which the personal link can be used."""
    assignee: str | None = None
    """The operator in charge; most registrations never need one."""
    part_of: RegistrationNo | None = None
    """The registration of the client whose first user this is."""


class RegistrationChanged(Message):
    """What the registrant has done, from the row; one that is older than the last is ignored."""

    stage: RegistrationStage
    locked: bool
    changed_at: datetime


class RegistrationProgress(Message):
    """The status of a registration, for operators and tests."""

    registration_no: RegistrationNo
    kind: RegistrationKind
    stage: RegistrationStage
    waiting_for: WaitingFor
    expires_on: date
    locked: bool
    link_no: int
    assignee: str | None
    outcome: RegistrationOutcome | None
    timeline: tuple[TimelineEntry, ...]


class RegistrationEnded(Message):
    """How it ended: what a procedure returns."""

    registration_no: RegistrationNo
    outcome: RegistrationOutcome


# --- activities -------------------------------------------------------------------------------------------------------


class ClientUsers(Message):
    """The registrations of a client's first users."""

    users: tuple["ClientUser", ...]


class ClientUser(Message):
    """One of them; the outcome is None until it has ended."""

    registration_no: RegistrationNo
    outcome: RegistrationOutcome | None


class RegistrationStep(RegistrationRef):
    """One step of one registration, at the workflow's own time."""

    at: datetime

    @classmethod
    def of(cls, case: RegistrationRef, at: datetime, /, **facts: Any) -> Self:
        """Build the step; `facts` are the fields that the kind of step adds."""
        return cls(registration_no=case.registration_no, at=at, **facts)


class CountedStep(RegistrationStep):
    """A step that is done once for each occurrence."""

    occurrence: int
    asked_as: str | None = None
    """The id of the update that it belongs to; None: the procedure itself."""

    @property
    def counted(self) -> str:
        """What distinguishes it in its ledger key."""
        return counted(self.occurrence, self.asked_as)


class NewLink(CountedStep):
    """Make a link that ends the one before (M8)."""

    expires_on: date


class LinkMade(Message):
    """Which link counts now."""

    link_no: int
    closed: bool = False
    """Whether the registration was closed before, so that no link was made."""


class SendMyicsMail(CountedStep):
    """One mail. The same registration, kind and occurrence is the same mail, which is sent once."""

    kind: MyicsMail


class CorrectAddress(CountedStep):
    """Correct the address to which links are mailed."""

    address: str
    by: str
    reason: str


class Unlock(CountedStep):
    """Let the registrant, or the account's owner, try again."""

    by: str
    reason: str


class ClosedRegistration(Message):
    """How it ended: not as requested if the registrant was faster."""

    outcome: RegistrationOutcome


class CloseRegistration(RegistrationStep):
    """Close it, unless the registrant was faster."""

    outcome: RegistrationOutcome
    by: str
    reason: str


class RecordOperation(CountedStep):
    """Put what somebody did into the audit trail."""

    action: str
    by: str
    reason: str


class AssignRegistration(CountedStep):
    """Find an operator: a named one, or the one with the least work who is not on leave."""

    to: str | None = None
    but_not: str | None = None
    by: str = "system"
    reason: str = ""
