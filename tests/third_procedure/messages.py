"""The inputs and outputs: ids and facts, no names (step 1)."""

from datetime import date, datetime
from enum import StrEnum

from models.common.messages import CaseRef, CaseStep


class ManualStage(StrEnum):
    REQUESTED = "発送待ち"
    CLOSED = "終了"


class ManualOutcome(StrEnum):
    SENT = "発送済み"
    EXPIRED = "期限切れ"
    WITHDRAWN = "取り下げ"


class ManualCase(CaseRef):
    """What the procedure starts with."""

    requested_at: datetime
    expires_on: date


class CloseManual(CaseStep):
    """Close the request."""

    outcome: ManualOutcome
