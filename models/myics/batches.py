"""Files of many firms, clients or users: their columns, and the messages between procedure and activities (M8)."""

from datetime import datetime
from enum import StrEnum

from models.common.case_status import CaseStatus
from models.common.message import Message
from models.common.messages import CaseRef, CaseStep, CountedStep
from models.myics.forms import ClientForm, ClientUserForm, FirmForm
from models.myics.identifiers import BatchNo, CustomerNo, registration_workflow_id

BATCH_WORKFLOW = "ClientBatch"
"""The type of the workflow that leads a file."""
BATCH_LABEL = "MYICS 一括登録"
PAGE = 200
"""Rows in one activity: short enough to be done again, long enough for 10,000 rows."""
WAITING_TO_START = 100
"""The next page waits while more invitations than this have been stored and not started yet."""
REFUSED_SHOWN = 50
"""How many refused rows the workflow itself shows; the file of all comes from Postgres."""


class BatchKind(StrEnum):
    """What the rows are; the value is stored."""

    FIRMS = "firms"
    CLIENTS = "clients"
    USERS = "users"

    @property
    def label(self) -> str:
        return {BatchKind.FIRMS: "会計事務所の招待", BatchKind.CLIENTS: "顧問先", BatchKind.USERS: "ユーザー"}[self]

    @property
    def form(self) -> type[FirmForm] | type[ClientForm] | type[ClientUserForm]:
        """What one row holds."""
        return _FORMS[self]

    @property
    def columns(self) -> dict[str, str]:
        """The headings of the file, and the field that each is."""
        return _COLUMNS[self]

    @property
    def examples(self) -> tuple[tuple[str, ...], ...]:
        """Rows as people write them, in the order of the columns; each can be taken as it is."""
        return _EXAMPLES[self]

    @property
    def optional(self) -> frozenset[str]:
        """Fields whose column may be missing."""
        return frozenset({"suffix"}) if self is BatchKind.USERS else frozenset()


_FORMS: dict[BatchKind, type[FirmForm] | type[ClientForm] | type[ClientUserForm]] = {
    BatchKind.FIRMS: FirmForm,
    BatchKind.CLIENTS: ClientForm,
    BatchKind.USERS: ClientUserForm,
}
_COLUMNS = {
    BatchKind.FIRMS: {
        "お客様番号": "customer_no",
        "事務所名": "name",
        "代表者": "representative",
        "メールアドレス": "address",
    },
    BatchKind.CLIENTS: {"顧問先ID下4桁": "suffix", "顧問先名称": "name"},
    BatchKind.USERS: {
        "ユーザーアカウント": "address",
        "使用者": "name",
        "ユーザー種別": "kind",
        "顧問先ID下4桁": "suffix",
    },
}

_EXAMPLES: dict[BatchKind, tuple[tuple[str, ...], ...]] = {
    BatchKind.FIRMS: (
        ("1000200301", "青葉会計事務所", "青葉 一郎", "ichiro@aoba-kaikei.example.jp"),
        ("1000200302", "桜税理士法人", "桜井 花子", "hanako@sakura-zeirishi.example.jp"),
        ("1000200303", "みなと経理事務所", "湊 健太", "kenta@minato-keiri.example.jp"),
    ),
    BatchKind.CLIENTS: (("0012", "株式会社みどり商店"), ("0013", "あさひ工業")),
    BatchKind.USERS: (
        ("hanako@aoba-kaikei.example.jp", "青葉 花子", "一般", ""),
        ("jiro@aoba-kaikei.example.jp", "青葉 次郎", "管理者", ""),
    ),
}


class RefusedLine(Message):
    """A row that was not taken, and why."""

    line: int
    reason: str


class BatchProgress(Message):
    """How far a file has been processed."""

    rows: int
    done: int = 0
    refused: int = 0
    stopped: bool = False
    finished: bool = False
    first_refused: tuple[RefusedLine, ...] = ()

    @property
    def accepted(self) -> int:
        return self.done - self.refused


class BatchStage(StrEnum):
    """The values are what operators read and search for."""

    REGISTERING = "登録中"
    STOPPED = "停止中"
    CLOSED = "終了"


class BatchOutcome(StrEnum):
    """How a batch ends; refused rows are not counted as a failure of the file."""

    FINISHED = "終了"


class BatchCase(CaseRef):
    """What the procedure of a file starts with, and goes on with as a new run."""

    case_no: BatchNo
    kind: BatchKind
    customer_no: CustomerNo | None
    rows: int
    requested_at: datetime
    next_row: int = 1
    """The first row that was not processed."""
    changed_at: datetime | None = None
    """Of the newest change that was taken."""
    progress: BatchProgress
    waiting_to_start: int = 0
    """How many registrations of this file had not been started when a run was ended in the wait for them."""
    waiting_since: datetime | None = None
    """When that wait began."""
    status: CaseStatus | None = None
    """What its row has; None: what the transaction that stored it has written."""

    @property
    def workflow_id(self) -> str:
        return registration_workflow_id(self.case_no)


class BatchFound(Message):
    """What a batch's row says: whether the firm, or an operator, has stopped it for now."""

    stopped: bool
    changed_at: datetime


class StopBatch(CountedStep):
    """Stop a batch after the page that is under way, or let it go on."""

    stopped: bool
    action: str
    by: str
    reason: str


class BatchPage(CaseStep):
    """Rows to be processed, counted from 1, each once."""

    case_no: BatchNo
    kind: BatchKind
    customer_no: CustomerNo | None
    first: int
    last: int


class PageDone(Message):
    """What has become of the lines."""

    refused: tuple[RefusedLine, ...]
    waiting_to_start: int
    """How many registrations of this file were stored and not started yet."""
