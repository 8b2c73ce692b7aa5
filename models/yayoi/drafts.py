"""A plan or a half-filled form that is kept until it is sent, and opened again by a mailed link."""

from datetime import datetime
from uuid import UUID

from models.common.message import Message
from models.common.personal_links import PersonalLink, read_link
from models.common.secret_keys import SecretKeys
from models.yayoi.personal_links import YayoiLinkKind

MOST_OF_AN_ADDRESS = 5
"""How many one client may have kept for one mail address: a newer one ends its oldest that was not opened."""
DRAFT_SUBJECT = "【弥生】入力途中のお申し込みを保存しました"
RESUME_PATH = "/drafts/resume"


class DraftRef(Message):
    """One mail with the link to a draft; whose it is, and what it holds, stays in Postgres."""

    draft_id: UUID
    mail_no: int
    """Counts the mails of the draft from 1."""

    @property
    def workflow_id(self) -> str:
        return f"draft/{self.draft_id}/{self.mail_no}"


def receipt_no(draft_id: UUID) -> str:
    """Return the number on page and mail, by which an operator finds the mail."""
    return draft_id.hex.upper()[:8]


def draft_token(secret_keys: SecretKeys, draft_id: UUID, expires_at: datetime) -> str:
    """Return what an address carries: no more than which draft it is. Whether it is still kept says its row."""
    return PersonalLink(YayoiLinkKind.DRAFT, str(draft_id), 1, expires_at).token(secret_keys)


def draft_of(secret_keys: SecretKeys, token: str) -> UUID | None:
    """Return which draft a token opens; None for one that was not made here."""
    link = read_link(secret_keys, YayoiLinkKind.DRAFT, token)
    return UUID(link.procedure_id) if link else None


def mail_token(secret_keys: SecretKeys, draft_id: UUID, mail_no: int, expires_at: datetime) -> str:
    """Return what only a mail's link carries beside the draft's token: who opens it reads that address's mails."""
    return PersonalLink(YayoiLinkKind.OWN_ADDRESS, str(draft_id), mail_no, expires_at).token(secret_keys)


def mail_no_of(secret_keys: SecretKeys, draft_id: UUID, token: str) -> int | None:
    """Return which mail of the draft the token is from; None for one that is of none."""
    link = read_link(secret_keys, YayoiLinkKind.OWN_ADDRESS, token)
    return link.occurrence if link and link.procedure_id == str(draft_id) else None
