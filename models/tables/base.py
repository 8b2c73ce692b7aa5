"""What all tables have in common. Every day is a day in Japan; every time is aware."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Self

from sqlalchemy import DateTime, inspect
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

MailAddressText = Annotated[str, mapped_column(info={"mail_address": True})]
"""A mail address. It identifies a person, so it is no primary or foreign key: rows refer to a person by number."""


class Base(DeclarativeBase):
    """All tables. Times are stored with their zone."""

    type_annotation_map = {datetime: DateTime(timezone=True), dict[str, Any]: JSONB, list[str]: JSONB}  # noqa: RUF012


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


class AssignedCase:
    """What a table has whose rows are cases that an operator takes: the open ones count as the operator's workload."""

    assignee: Mapped[str | None] = mapped_column(index=True)
    closed_at: Mapped[datetime | None]

    @classmethod
    def tables(cls) -> Iterator[type[Self]]:
        """Return every mapped class with these columns, of whichever procedure."""
        for each in cls.__subclasses__():
            if inspect(each, raiseerr=False):
                yield each
            yield from each.tables()
