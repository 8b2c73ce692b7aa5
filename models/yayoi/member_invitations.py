"""Inviting a Yayoi ID into a business group (Y24): the messages of its procedure. No address is in any."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from models.common.message import Message

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


class Invitation(Message):
    """One invitation, with which its procedure starts."""

    invitation_id: UUID

    @property
    def workflow_id(self) -> str:
        return f"invitation/{self.invitation_id}"

    @property
    def receipt_no(self) -> str:
        """The number by which an operator finds it: the beginning of its id."""
        return self.invitation_id.hex[:8].upper()


class InvitationChanged(Message):
    """What was done on the pages: which link counts, until when, and whether it was accepted or withdrawn."""

    link_no: int
    expires_at: datetime
    settled: bool

    def newer(self, other: "InvitationChanged") -> "InvitationChanged":
        """Return what is true of both: signals may arrive in another order than the changes."""
        latest = self if self.link_no >= other.link_no else other
        return latest.model_copy(update={"settled": self.settled or other.settled})


class MailInvitation(Message):
    """Mail the n-th link of an invitation, or remind of it."""

    invitation_id: UUID
    link_no: int
    reminder: bool = False


class InvitationMail(Message):
    """Whether it was mailed; not when the link no longer counts."""

    sent: bool


class CloseInvitation(Message):
    """End an invitation whose last known link is `link_no`. `at` is the procedure's own time."""

    invitation_id: UUID
    link_no: int
    at: datetime
    ended_by_operator: bool = False


class ClosedInvitation(Message):
    """How it ended; None if it was sent again meanwhile and goes on."""

    outcome: InvitationOutcome | None
