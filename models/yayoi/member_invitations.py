"""Inviting a Yayoi ID into a business group (Y24): the messages of its procedure. No address is in any."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Self
from uuid import UUID

from models.common.case_state import CaseState
from models.common.message import Message
from models.common.messages import CaseRef
from models.common.waiting_for import WaitingFor

MOST_LINKS = 10
"""How often an invitation can be sent; after that it is withdrawn and made anew."""
SUBJECT = "【弥生】『スマート証憑管理』事業グループへの招待のお知らせ"
REMINDER_SUBJECT = "【弥生】（再送）『スマート証憑管理』事業グループへの招待のお知らせ"

OTHER_GROUP = (
    "この弥生ID は、別の事業グループに参加しています。1 つの弥生ID が参加できる事業グループは 1 つだけです。"
    "別のメールアドレスで弥生ID を新規登録（STEP2）し、そのアドレス宛ての招待を管理者に依頼してください。"
)
IN_APPLICATION = (
    "この弥生ID は、事業所データの追加のお申し込みに使われています。"
    "お手続きが終わるまで、ほかの事業グループには参加できません。"
    "別のメールアドレスで弥生ID を新規登録（STEP2）し、そのアドレス宛ての招待を管理者に依頼してください。"
)


class InvitationStage(StrEnum):
    """Where an invitation is at, as operators' lists show it."""

    INVITED = "招待の承諾待ち"
    CLOSED = "終了"


class InvitationOutcome(StrEnum):
    """How an invitation ended."""

    ACCEPTED = "参加"
    WITHDRAWN = "取り下げ"
    EXPIRED = "期限切れ"


class Invitation(CaseRef):
    """One invitation, with which its procedure starts: its number is its id."""

    @classmethod
    def of_row(cls, invitation_id: UUID) -> Self:
        return cls(case_no=invitation_id.hex.upper())

    @property
    def invitation_id(self) -> UUID:
        return UUID(self.case_no)

    @property
    def workflow_id(self) -> str:
        return f"invitation/{self.invitation_id}"

    @property
    def receipt_no(self) -> str:
        """The number by which an operator finds it: the beginning of its id."""
        return self.case_no[:8]


class InvitationProgress(Message):
    """What was done on the pages: which link counts, until when, and whether it was accepted or withdrawn."""

    link_no: int
    expires_at: datetime
    settled: bool

    def newer(self, known: "InvitationProgress | None") -> "InvitationProgress":
        """Return what is true of both: what is known stays true of a row that was restored from a backup, too."""
        if known is None:
            return self
        latest = self if self.link_no >= known.link_no else known
        return latest.model_copy(update={"settled": self.settled or known.settled})


class MailInvitation(Invitation):
    """Mail the n-th link of an invitation, or remind of it."""

    link_no: int
    reminder: bool = False


class InvitationMail(Message):
    """Whether it was mailed; not when the link no longer counts."""

    sent: bool


class CloseInvitation(Invitation):
    """End an invitation whose last known link is `link_no`. `at` is the procedure's own time."""

    link_no: int
    at: datetime
    ended_by_operator: bool = False


class ClosedInvitation(Message):
    """How it ended; None if it was sent again meanwhile and goes on."""

    outcome: InvitationOutcome | None


@dataclass(kw_only=True)
class InvitationState(CaseState):
    """The state of an invitation while it runs."""

    stage: InvitationStage = InvitationStage.INVITED
    waiting_for: WaitingFor = WaitingFor.APPLICANT
    outcome: InvitationOutcome | None = None
    on_pages: InvitationProgress | None = None
    """None: its row has not been looked at yet."""
    ended_by_operator: bool = False

    @property
    def ending(self) -> InvitationOutcome | None:
        return (self.outcome or InvitationOutcome.WITHDRAWN) if self.ended_by_operator else None

    @property
    def over(self) -> bool:
        """Whether nobody is waited for any longer."""
        return self.leaving or (self.on_pages is not None and self.on_pages.settled)

    @property
    def link_no(self) -> int:
        """Which link counts; 0: none is known yet."""
        return self.on_pages.link_no if self.on_pages else 0
