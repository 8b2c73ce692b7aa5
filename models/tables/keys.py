"""The public halves of the keys that sign who acts. Workers read them; only `tetsuzuki keys` writes them."""

from datetime import datetime

from sqlalchemy import func
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base


class PublicKeyRow(Base):
    """A key as everybody may know it. No row is ever deleted: what a key has signed verifies for ever."""

    __tablename__ = "public_keys"

    key_id: Mapped[str] = mapped_column(primary_key=True)
    purpose: Mapped[str]
    value: Mapped[bytes]
    """32 bytes."""
    state: Mapped[str]
    published_at: Mapped[datetime] = mapped_column(server_default=func.now())
    retired_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
