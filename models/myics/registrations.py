"""Registrations: their kinds and stages, and the messages between procedure, activities and web."""

from datetime import date, datetime
from enum import StrEnum

from models.common.actors import Actor, ActorKind, Channel
from models.common.message import Message
from models.common.messages import CaseRef, CaseStep, CountedStep, OperatorsTask, TimelineEntry
from models.common.waiting_for import WaitingFor
from models.myics.identifiers import CustomerNo, HolderNo, RegistrationNo, registration_workflow_id
from models.myics.mails import MyicsMail


def registrant(number: str) -> str:
    """Return what records name the one by who registers, or owns the account that a registration is about."""
    return str(Actor(ActorKind.REGISTRANT, number, channel=Channel.PAGE))


class RegistrationKind(StrEnum):
    """What is registered; the value is stored."""

    REPRESENTATIVE = "representative"
    USER = "user"
    CLIENT = "client"
    RENEWAL = "renewal"
    """Not a registration: a new password for an account whose owner has forgotten the old one."""
    ADDRESS = "address"
    """Nor this: another address for an account that is registered, once its reader has confirmed it."""

    @property
    def label(self) -> str:
        """What operators read and search for."""
        return {
            RegistrationKind.REPRESENTATIVE: "MYICS 代表者の登録",
            RegistrationKind.USER: "MYICS ユーザーの登録",
            RegistrationKind.CLIENT: "MYICS 顧問先の登録",
            RegistrationKind.RENEWAL: "MYICS パスワードの再設定",
            RegistrationKind.ADDRESS: "MYICS ユーザーアカウントの変更",
        }[self]

    @property
    def workflow_type(self) -> str:
        """The type of the workflow that leads it."""
        return {
            RegistrationKind.REPRESENTATIVE: "RepresentativeRegistration",
            RegistrationKind.USER: "UserInvitation",
            RegistrationKind.CLIENT: "ClientRegistration",
            RegistrationKind.RENEWAL: "PasswordRenewal",
            RegistrationKind.ADDRESS: "AddressChange",
        }[self]

    @property
    def has_link(self) -> bool:
        """Whether a personal link is mailed."""
        return self.makes_account or self in {RegistrationKind.RENEWAL, RegistrationKind.ADDRESS}

    @property
    def makes_account(self) -> bool:
        """Whether its account exists only if it is completed."""
        return self in {RegistrationKind.REPRESENTATIVE, RegistrationKind.USER}

    @property
    def first_stage(self) -> "RegistrationStage":
        """The stage at which it is stored."""
        return {
            RegistrationKind.CLIENT: RegistrationStage.RECEIVED,
            RegistrationKind.RENEWAL: RegistrationStage.RENEWING,
            RegistrationKind.ADDRESS: RegistrationStage.CONFIRMING,
        }.get(self, RegistrationStage.INVITED)


class RegistrationStage(StrEnum):
    """The values are what operators read and search for."""

    RECEIVED = "受付"
    INVITED = "招待中"
    PROVISIONAL = "仮登録"
    USERS = "ユーザーの登録待ち"
    REGISTERED = "登録済み"
    RENEWING = "再設定待ち"
    RENEWED = "再設定済み"
    CONFIRMING = "変更の確認待ち"
    CHANGED = "変更済み"
    SUPERSEDED = "差し替え済み"
    """A newer link was requested for the same account: this one can no longer be used."""
    CLOSED = "終了"


class RegistrationOutcome(StrEnum):
    """How a registration ended."""

    REGISTERED = "登録済み"
    EXPIRED = "期限切れ"
    WITHDRAWN = "取り下げ"
    RENEWED = "再設定済み"
    CHANGED = "変更済み"
    SUPERSEDED = "差し替え済み"


class RegistrationCase(CaseRef):
    """What a registration's procedure starts with."""

    case_no: RegistrationNo
    kind: RegistrationKind
    customer_no: CustomerNo
    holder_no: HolderNo
    requested_at: datetime
    expires_on: date
    """The last day on which the personal link can be used."""
    part_of: RegistrationNo | None = None
    """The registration of the client whose first user this is."""

    @property
    def workflow_id(self) -> str:
        return registration_workflow_id(self.case_no)


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


class RegistrationFound(Message):
    """What a registration's row says: what was done on the pages, and whether it was closed with its client."""

    stage: RegistrationStage
    locked: bool
    changed_at: datetime
    closed: bool
    corrections: int = 0
    """How often the registrant has corrected the address that is being checked."""


class NewLink(CountedStep):
    """Make a link that ends the one before (M8)."""

    mail: MyicsMail | None = None
    """With which mail it goes out, where the procedure itself makes it; None: an operation asks for it."""
    expires_on: date


class LinkMade(Message):
    """Which link counts now."""

    link_no: int
    closed: bool = False
    """Whether the registration was closed before, so that no link was made."""


class SendMyicsMail(CountedStep):
    """One mail. The same registration, kind and occurrence is the same mail, which is sent once."""

    kind: MyicsMail
    turn: OperatorsTask | None = None
    """Of a mail to operators: what waits for them."""


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


class CloseRegistration(CaseStep):
    """Close it, unless the registrant was faster."""

    outcome: RegistrationOutcome
    by: str
    reason: str
    text_for_customer: str = ""
    """What the registrant reads about why it was withdrawn; empty: only that it was."""
