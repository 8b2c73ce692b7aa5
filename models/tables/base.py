"""What all tables have in common. Every day is a day in Japan; every time is aware."""

from datetime import datetime
from typing import Annotated, Any, cast

from sqlalchemy import DateTime, Table
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

MailAddressText = Annotated[str, mapped_column(info={"mail_address": True})]
"""A mail address. It identifies a person, so it is no primary or foreign key: rows refer to a person by number."""


class Base(DeclarativeBase):
    """All tables. Times are stored with their zone."""

    type_annotation_map = {datetime: DateTime(timezone=True), dict[str, Any]: JSONB, list[str]: JSONB}  # noqa: RUF012


def table_of(row: type[Base]) -> Table:
    """Return the table of a row class, for statements that every step makes: they cost half without the mapper."""
    return cast("Table", row.__table__)


class NotifiedRow(Base):
    """A row whose procedure is notified of every change, after the change was committed."""

    __abstract__ = True

    changed_at: Mapped[datetime]
    notified_at: Mapped[datetime | None]
    """Up to which change the procedure knows of; None: it is not started yet."""


class SessionRow(Base):
    """Somebody who is signed in. The browser holds the token; here is only its hash."""

    __abstract__ = True

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    browser: Mapped[str] = mapped_column(server_default="")
    """What the browser calls itself, so that whoever is signed in recognises their own."""
