"""Checking a mail address by a mailed code: for a new Yayoi ID (Y26), and for a new password of one that exists."""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from models.common.message import Message
from models.common.operations import Operation, Operations
from models.common.operator_message import ActionMessage

MOST_TRIES = 5
"""How many wrong ones end a code."""
MOST_CODES = 6
"""The first code, and five more on request."""


class CheckPurpose(StrEnum):
    """What the right code brings about. The values are kept in rows and messages."""

    REGISTRATION = "registration"
    NEW_PASSWORD = "new_password"  # noqa: S105 a purpose

    @property
    def label(self) -> str:
        return _LABELS[self]

    @property
    def mail_subject(self) -> str:
        return f"【弥生】確認コードのお知らせ（{self.label}）"


_LABELS = {CheckPurpose.REGISTRATION: "弥生ID の新規登録", CheckPurpose.NEW_PASSWORD: "パスワードの設定"}
PASSWORD_SET_SUBJECT = "【弥生】パスワードを設定しました"  # noqa: S105 a subject


class CheckStage(StrEnum):
    """Where a check is at, as operators' lists show it."""

    CODE = "確認コード待ち"
    CLOSED = "終了"


class CheckOutcome(StrEnum):
    """How a check ended."""

    FINISHED = "完了"
    EXPIRED = "期限切れ"
    CANCELLED = "取り消し"


class AddressCheck(Message):
    """One check, with which its procedure starts. Whose address it is stays in Postgres."""

    check_id: UUID
    purpose: CheckPurpose
    ends_at: datetime

    @property
    def workflow_id(self) -> str:
        prefix = "registration" if self.purpose is CheckPurpose.REGISTRATION else "password"
        return f"{prefix}/{self.check_id}"

    @property
    def receipt_no(self) -> str:
        return receipt_no(self.check_id)


def receipt_no(check_id: UUID) -> str:
    """Return the number on the page, by which an operator finds the procedure: the beginning of its id."""
    return check_id.hex[:8].upper()


class CheckChanged(Message):
    """What was done on the pages: which code counts, and whether the right one was typed in."""

    code_no: int
    finished: bool


class SendCode(Message):
    """Mail the n-th code of a check."""

    check_id: UUID
    code_no: int


class CodeMail(Message):
    """Whether the code was mailed; not when it no longer counts, or there is no such Yayoi ID to set a password of."""

    sent: bool


class CheckStep(Message):
    """Something done once at the end of a check. `at` is the procedure's own time."""

    check_id: UUID
    at: datetime


class ClosedCheck(Message):
    """Whether it was finished; if not, nothing is left of it."""

    finished: bool


class EndCheck(ActionMessage):
    """End a check that the customer does not want any longer; they may begin anew at any time."""

    label: ClassVar[str] = "この手続きをやめる（入力された内容を削除する）"


class CheckOperation(Operation):
    """What operators can do with a check."""

    END = "end_check", EndCheck


def _refusal(_: CheckOperation, stage: CheckStage) -> str | None:
    return "この手続きはすでに終了しています。" if stage is CheckStage.CLOSED else None


OPERATIONS = Operations[CheckOperation, CheckStage](tuple(CheckOperation), _refusal)
