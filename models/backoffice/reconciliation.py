"""What the daily reconciliation between registry, cases and Temporal finds, and what it does about it (Y27)."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from models.common.message import Message
from models.common.messages import CaseRef, LostOperation
from models.myics.identifiers import BatchNo, RegistrationNo, registration_workflow_id
from models.yayoi.identifiers import ApplicationNo, application_workflow_id, office_workflow_id

RECONCILIATION_SUBJECT = "〔担当者〕手続きと登録内容の食い違いが見つかりました"


class FindingKind(StrEnum):
    """What does not fit together."""

    ABANDONED = "進める手続きのない事業所データ"
    STRAY_FREEZE = "凍結が残っている事業所データ"
    LOST_FREEZE = "凍結が外れている事業所データ"
    UNFOLLOWED = "残りの設定を受け付けられない事業所データ"
    NOTICE_NOT_SENT = "お知らせを送れていないサービス契約ID"
    PENDING_MAIL = "送信できていないメール"
    RETURNED_MAIL = "届かずに戻ったメール"
    WAITING_EVENT = "手続きに届いていない連絡"
    REFUSED_LATE = "受け付けた後で手続きが断った連絡"
    NOT_STARTED = "手続きが始まっていない申込"
    WAITING = "手続きに伝わっていない受け付け"
    LEFT_OPEN = "終了していない申込"
    MYICS_ABANDONED = "進める手続きのない MYICS の登録"
    MYICS_NOT_NOTIFIED = "手続きに伝わっていない MYICS の登録"
    NO_ROW = "記録のない手続き"
    TERMINATED = "強制終了された手続き"
    WAS_RESET = "途中からやり直された手続き"
    LOST_OPERATION = "やり直されていない操作"
    NOT_SIGNED = "署名を確認できない操作"
    BROKEN = "プログラムの不具合で止まっている手続き"
    FOREIGN = "同じ番号の別の手続きがある申込"
    RESTORED = "復元した案件"
    MORE = "ほかの食い違い"


class Repair(StrEnum):
    """What can safely be done without a person."""

    UNDO = "undo"
    """Leave things as they were before the application, and close it."""
    THAW = "thaw"
    FREEZE = "freeze"
    CLOSE = "close"
    EXPIRE = "expire"
    """Close an application that was never started, as if it had expired."""
    HAND_OVER = "hand_over"
    """Have the case wait for an operator, who decides."""


class LostInReset(CaseRef):
    """Operations that a Reset has not taken again, for an operator to decide which are still wanted."""

    workflow_id: str
    operations: tuple[LostOperation, ...]


class Finding(Message):
    """One thing that does not fit. Ids and facts, nobody's name, address or token.

    It is kept under the house's key, which is erased with nobody: what is a person's is read again where it is needed.
    """

    kind: FindingKind
    detail: str
    """What was found, as an operator reads it."""
    application_no: ApplicationNo | None = None
    office_no: int | None = None
    myics_no: RegistrationNo | BatchNo | None = None
    """Of a registration of MYICS or of a file of them."""
    procedure: str | None = None
    """The id of the workflow that it is about, where no record of ours is."""
    event_id: UUID | None = None
    """The refused event that the report is about, once."""
    handed_over: LostInReset | None = None
    """What an operator is handed, and so is not found again."""
    repair: Repair | None = None
    """None: only a person can decide."""
    repaired: bool = False

    @property
    def about(self) -> str:
        if self.application_no is None:
            return self.myics_no or self.procedure or ""
        return f"{self.application_no} の {self.office_no} 件目" if self.office_no else str(self.application_no)

    @property
    def workflow_id(self) -> str | None:
        """The procedure that it is about; None if it is about none."""
        if self.application_no is None:
            return registration_workflow_id(self.myics_no) if self.myics_no else self.procedure
        if self.office_no is None:
            return application_workflow_id(self.application_no)
        return office_workflow_id(self.application_no, self.office_no)


class Reconcile(Message):
    """Compare everything as it is at this time."""

    at: datetime


class Found(Message):
    """Everything that does not fit."""

    findings: tuple[Finding, ...]


class UndoNeeded(Message):
    """What of an abandoned case has to be undone; `abandoned` False: it runs, or was closed meanwhile."""

    abandoned: bool
    issued: bool = False
    frozen: bool = False
    closing: int = 1
    """Which of its closings the next one is."""


class NeverStarted(Message):
    """The open offices of an application that will not be started any more; none: it was started after all."""

    parts: tuple[int, ...]


class Repaired(Message):
    """Whether anything had to be done."""

    done: bool


class ReconciliationReport(Message):
    """What a reconciliation found and did; the workflow's result."""

    at: datetime
    findings: tuple[Finding, ...]

    @property
    def for_people(self) -> tuple[Finding, ...]:
        """What needs a person."""
        return tuple(finding for finding in self.findings if not finding.repaired)
