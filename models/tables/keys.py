"""Keys: the public halves of those that sign who acts, and those that encrypt what Temporal keeps of cases."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base


class PublicKeyRow(Base):
    """A signing key as everybody may know it; only `tetsuzuki keys` writes them.

    No row is ever deleted: what a key has signed verifies for ever.
    """

    __tablename__ = "public_keys"

    key_id: Mapped[str] = mapped_column(primary_key=True)
    purpose: Mapped[str]
    value: Mapped[bytes]
    """32 bytes."""
    state: Mapped[str]
    published_at: Mapped[datetime] = mapped_column(server_default=func.now())
    retired_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class CaseKeyRow(Base):
    """The key that encrypts what Temporal keeps of one case, wrapped by a master key; stored with the case's first row.

    An erased one keeps its row, so that it is never made anew.
    """

    __tablename__ = "case_keys"
    __table_args__ = (
        CheckConstraint("(wrapped is null) = (erased_at is not null)", name="erased_or_wrapped"),
        Index("case_keys_by_master_key", "master_key_id", postgresql_where=text("wrapped is not null")),
    )

    owner: Mapped[str] = mapped_column(primary_key=True)
    """Whose it is, as `key_owner` says; also the id of the key."""
    master_key_id: Mapped[str]
    """Which master key wraps it, or did."""
    wrapped: Mapped[bytes | None]
    made_at: Mapped[datetime] = mapped_column(server_default=func.now())
    erased_at: Mapped[datetime | None]
