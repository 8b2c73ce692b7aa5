"""An operation as it was signed, sent and accepted: what the audit trail keeps of it."""

from typing import Any

from models.common.message import Message


class SignedAct(Message):
    """Verifies from itself and the public keys alone (`models/common/signatures.py`)."""

    by: str
    """Who acts, as records name them: `operator:sk`."""
    entry: str
    """The header as it was sent: canonical JSON."""
    workflow_id: str
    first_run: str
    operation: str
    update_id: str
    message: dict[str, Any]
    """The decoded JSON as it was sent, with its salt."""
