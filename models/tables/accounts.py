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


class WebSessionRow(Base):
    """Somebody who is signed in. The browser holds the token; here is only its hash."""

    __tablename__ = "web_sessions"

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    yayoi_id: Mapped[str] = mapped_column(ForeignKey("yayoi_ids.yayoi_id"), index=True)
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]


class RateCountRow(Base):
    """How often something was tried in one window of time; the key is a hash of what and by whom."""

    __tablename__ = "rate_counts"

    key: Mapped[str] = mapped_column(primary_key=True)
    window_start: Mapped[datetime] = mapped_column(primary_key=True)
    ends_at: Mapped[datetime] = mapped_column(index=True)
    count: Mapped[int]
