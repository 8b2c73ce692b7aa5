"""What all tables have in common. Every day is a day in Japan; every time is aware."""

from datetime import datetime
from typing import Any

from sqlalchemy import DateTime
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped


class Base(DeclarativeBase):
    """All tables. Times are stored with their zone."""

    type_annotation_map = {datetime: DateTime(timezone=True), dict[str, Any]: JSONB, list[str]: JSONB}  # noqa: RUF012


class ToldRow(Base):
    """A row whose procedure is told of every change, after the change was committed."""

    __abstract__ = True

    changed_at: Mapped[datetime]
    told_at: Mapped[datetime | None]
    """Up to which change the procedure knows of; None: it is not started yet."""
