"""Who may come in: passwords, sessions, and registrations that are under way."""

from datetime import datetime

from sqlalchemy import ForeignKey, func
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base


class CredentialRow(Base):
    """The password of a Yayoi ID, as argon2 keeps it; an ID without a row cannot log in here (Y26)."""

    __tablename__ = "credentials"

    yayoi_id: Mapped[str] = mapped_column(ForeignKey("yayoi_ids.yayoi_id"), primary_key=True)
    password_hash: Mapped[str]
    set_at: Mapped[datetime] = mapped_column(server_default=func.now())
