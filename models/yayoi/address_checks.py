"""Checking a mail address by a mailed code: for a new Yayoi ID (Y26), and for a new password of one that exists."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from models.common.case_state import CaseState
from models.common.message import Message
from models.common.messages import CaseRef, CaseStep
from models.common.operations import Operation, Operations
from models.common.operator_actions import EndCase
from models.common.waiting_for import WaitingFor

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
    def workflow_type(self) -> str:
        """The type of the workflow that leads it."""
        return "YayoiIdRegistration" if self is CheckPurpose.REGISTRATION else "PasswordSetting"

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


class CheckRef(CaseRef):
    """A check as a case: its number is its id, of which the receipt number is the beginning."""

    @property
    def check_id(self) -> UUID:
        return UUID(self.case_no)


class AddressCheck(CheckRef):
    """One check, with which its procedure starts. Whose address it is stays in Postgres."""

    purpose: CheckPurpose
    begun_at: datetime
    ends_at: datetime

    @property
    def workflow_id(self) -> str:
        return check_workflow_id(self.purpose, self.check_id)

    @property
    def receipt_no(self) -> str:
        return receipt_no(self.check_id)


def check_workflow_id(purpose: CheckPurpose, check_id: UUID) -> str:
    """Return the workflow id of a check; nothing personal in it."""
    return f"{'registration' if purpose is CheckPurpose.REGISTRATION else 'password'}/{check_id}"


def case_no(check_id: UUID) -> str:
    """Return the number of the case. The receipt number alone is too short: two checks may have the same."""
    return check_id.hex.upper()


def receipt_no(check_id: UUID) -> str:
    """Return the number on the page, by which an operator finds the procedure: the beginning of its id."""
    return case_no(check_id)[:8]


class CheckProgress(Message):
    """What was done on the pages: which code counts, and whether the right one was typed in."""

    code_no: int
    finished: bool


class SendCode(CheckRef):
    """Mail the n-th code of a check."""

    code_no: int


class CodeMail(Message):
    """Whether the code was mailed; not when it no longer counts, or there is no such Yayoi ID to set a password of."""

    sent: bool


class CheckStep(CheckRef, CaseStep):
    """Something done once at the end of a check."""


class ClosedCheck(Message):
    """Whether it was finished; if not, nothing is left of it."""

    finished: bool


@dataclass(kw_only=True)
class CheckState(CaseState):
    """The state of a check while it runs. It waits for the customer from the beginning: the page is open."""

    stage: CheckStage = CheckStage.CODE
    waiting_for: WaitingFor = WaitingFor.APPLICANT
    outcome: CheckOutcome | None = None
    code_no: int = 0
    """Which code counts, as the row said last."""
    finished: bool = False
    """Whether the right code was typed in, as the row said last."""
    codes_sent: int = 0
    ended_by_operator: bool = False
    text_for_customer: str = ""
    """What the customer reads about why an operator has ended it."""

    @property
    def points(self) -> tuple[str, ...]:
        return (self.text_for_customer,) if self.text_for_customer else ()

    @property
    def ending(self) -> CheckOutcome | None:
        return (self.outcome or CheckOutcome.CANCELLED) if self.ended_by_operator else None

    @property
    def over(self) -> bool:
        """Whether no code is needed any longer."""
        return self.finished or self.leaving


class CheckOperation(Operation):
    """What operators can do with a check."""

    END = "end_check", EndCase, "この手続きをやめる（入力された内容を削除する）"


def _refusal(_: CheckOperation, stage: CheckStage) -> str | None:
    return "この手続きはすでに終了しています。" if stage is CheckStage.CLOSED else None


OPERATIONS = Operations[CheckOperation, CheckStage](tuple(CheckOperation), _refusal)
