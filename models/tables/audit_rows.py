"""The audit trail, which holds no person and is kept for ever, and what its entries are about, which can be erased."""

import json
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKeyConstraint, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.tables.base import Base


class AuditContentRow(Base):
    """What an entry is about, with the salt of its commitment. Rows are added, and deleted to erase a person."""

    __tablename__ = "audit_contents"
    __table_args__ = (
        ForeignKeyConstraint(
            ("case_no", "part", "sequence"), ["audit_trail.case_no", "audit_trail.part", "audit_trail.sequence"]
        ),
    )

    case_no: Mapped[str] = mapped_column(primary_key=True)
    part: Mapped[int] = mapped_column(primary_key=True)
    sequence: Mapped[int] = mapped_column(primary_key=True)
    salt: Mapped[str]
    content: Mapped[str]
    """Canonical JSON: what is committed to, letter by letter."""


class AuditRow(Base):
    """Who did what to which case (`models/common/audit_trail.py`). Rows are only ever added."""

    __tablename__ = "audit_trail"
    # What is new since the last night is at the table's end: an index of block ranges costs each step next to nothing.
    __table_args__ = (Index("audit_trail_by_time", "recorded_at", postgresql_using="brin"),)

    audit_id: Mapped[int] = mapped_column(BigInteger, Identity())
    """In the order of writing over all cases; no part of the entry."""
    case_no: Mapped[str] = mapped_column(primary_key=True)
    part: Mapped[int] = mapped_column(primary_key=True)
    """0: the case as a whole."""
    sequence: Mapped[int] = mapped_column(primary_key=True)
    """Counts the entries of the part from 1."""
    happened_at: Mapped[datetime]
    """The case's own time."""
    recorded_at: Mapped[datetime]
    action: Mapped[str]
    by: Mapped[str]
    """An actor's kind and handle, or what they are; never a name."""
    rule: Mapped[str]
    """The rule by which it was decided, such as `Y12`; empty: none of ours."""
    signed: Mapped[dict[str, Any] | None]
    """The signed header of the operation, as it was sent, and where it was signed for."""
    update_id: Mapped[str | None]
    """The operation that it belongs to, by which the reconciliation looks for it; no part of the entry."""
    commitment: Mapped[str]
    previous: Mapped[str]
    """The hash of the entry before; empty for the first of a part."""
    hash: Mapped[str]
    content_row: Mapped[AuditContentRow | None] = relationship(lazy="joined", viewonly=True)

    @property
    def content(self) -> dict[str, Any]:
        """What it is about; empty once that was erased."""
        said: dict[str, Any] = json.loads(self.content_row.content) if self.content_row else {}
        return said

    @property
    def reason(self) -> str:
        return str(self.content.get("reason", ""))

    @property
    def facts(self) -> dict[str, Any]:
        facts: dict[str, Any] = self.content.get("facts", {})
        return facts
