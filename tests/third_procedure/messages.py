"""The inputs and outputs: ids and facts, no names (step 1)."""

from datetime import date, datetime
from enum import StrEnum

from models.common.message import Message


class ManualStage(StrEnum):
    REQUESTED = "発送待ち"
    CLOSED = "終了"


class ManualOutcome(StrEnum):
    SENT = "発送済み"
    EXPIRED = "期限切れ"
    WITHDRAWN = "取り下げ"


class ManualCase(Message):
    """What the procedure starts with."""

    request_no: str
    requested_at: datetime
    expires_on: date


class CloseManual(Message):
    """Close the request. The two properties name the case for ledger and audit trail."""

    request_no: str
    at: datetime
    outcome: ManualOutcome

    @property
    def application_no(self) -> str:
        return self.request_no

    @property
    def office_no(self) -> int | None:
        return None
