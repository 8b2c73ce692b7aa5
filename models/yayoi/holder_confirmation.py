"""The confirmation by a contract's holder of an application that shows no right token (Y5a)."""

from datetime import datetime
from enum import StrEnum

from models.common.messages import CaseStep, CountedStep, SentMail
from models.yayoi.deadlines import MOST_UNCONFIRMED
from models.yayoi.messages import OfficeRef

HOLDER_ANSWERED = "holder_answered"
"""The signal that asks a workflow to look whether the contract's holder has answered."""

NOT_CONFIRMED = "ご契約者さまの確認が、期限までにありませんでした。"
REFUSED_BY_HOLDER = "ご契約者さまが内容を確認され、このお申し込みを終了されました。"
ANSWERED_ALREADY = "契約者の回答は、すでに記録されています。"
TOO_MANY = (
    f"このご契約では、確認を待っているお申し込みが {MOST_UNCONFIRMED} 件あるため、いまは受け付けられません。"
    "ご契約のメールアドレスに弊社からお送りした「お申し込みの確認をお願いします」のメールを、ご契約者さまに開いていただき、"
    "お申し込みを確認または終了してください。ご契約者さまご自身は、そのメールのリンクから続けてお申し込みいただけます。"
    "メールが届いていないときは、お問い合わせ画面からお問い合わせください。"
)


class ConfirmationOutcome(StrEnum):
    """How it was settled whether an ID may be issued on the contract."""

    CONFIRMED = "confirmed"
    TOKEN_SHOWN = "token_shown"  # noqa: S105 no password
    """A token of the contract's own office was shown later."""
    REFUSED = "refused"

    @property
    def allows(self) -> bool:
        return self is not ConfirmationOutcome.REFUSED


class TooManyUnconfirmedError(Exception):
    """As many applications on this contract as may wait for its holder do so; the text says what to do."""

    def __init__(self) -> None:
        super().__init__(TOO_MANY)


class AskHolder(CaseStep):
    """Ask the contract's holder to confirm what waits, this pair among it; `asked_as`: once more."""

    unless_since: datetime | None = None
    """Not again if a mail that names the pair has been sent since then: it says what has changed."""


class HolderAsked(SentMail):
    """The holder was mailed about the pair; or was not, and can be from `not_before` on."""

    not_before: datetime | None = None


class RecordHolderAnswer(OfficeRef, CountedStep):
    """What the contract's holder has answered an operator, for all pairs of the application that wait."""

    confirmed: bool
    by: str
    reason: str
