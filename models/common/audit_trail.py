"""An entry of the audit trail: it holds no person, is chained to the entry before, and commits to what it is about.

The trail is kept for ever. What an entry is about (reason, facts, the message that was signed) lies beside it and can
be erased: the commitment then says nothing, and the chain still holds.
"""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from models.common.commitments import base64url, canonical

BEGINNING = ""
"""What stands for the hash of the one before in the first entry of a part."""
_CONTEXT = "tetsuzuki-audit/1"
"""First in what is hashed: no hash of another purpose can be taken for one of these."""


class SignedPart(BaseModel):
    """The signed header of the operation that an entry is about, and where it was signed for. It names no person."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    entry: str
    workflow_id: str
    first_run: str
    operation: str
    update_id: str


class AuditEntry(BaseModel):
    """What stays of an entry for ever."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    case_no: str
    part: int = Field(ge=0)
    """0: the case as a whole."""
    sequence: int = Field(ge=1)
    """Counts the entries of the part from 1."""
    happened_at: str
    """The case's own time, in UTC."""
    recorded_at: str
    """When it was written, in UTC."""
    action: str
    by: str
    """An actor's kind and handle, or what they are; never a name."""
    rule: str
    """The rule by which it was decided, such as `Y12`; empty: none of ours."""
    signed: SignedPart | None
    commitment: str
    """To what the entry is about (`models/common/commitments.py`)."""
    previous: str

    def hash(self) -> str:
        """Return what the next entry of the part names this one by: SHA-256 in base64url."""
        return hash_of(self.model_dump(mode="json"))


def hash_of(entry: Mapping[str, Any]) -> str:
    """Return the hash of an entry. Raises `ContentError` for what is no JSON of one spelling."""
    return base64url(hashlib.sha256(canonical({"context": _CONTEXT, "entry": dict(entry)})).digest())


def instant(at: datetime) -> str:
    """Return a time as entries spell it."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")
