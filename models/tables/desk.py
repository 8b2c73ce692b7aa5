"""What operators keep at the desk: filters of the worklist, who has a case open, and what is done with many at once."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base


class SavedFilterRow(Base):
    """A filter of the worklist that an operator has given a name."""

    __tablename__ = "saved_filters"
    __table_args__ = (UniqueConstraint("operator_id", "name"),)

    filter_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    operator_id: Mapped[int] = mapped_column(ForeignKey("operators.operator_id"))
    name: Mapped[str]
    conditions: Mapped[dict[str, Any]]
    """The list and what narrows it, as the page's address names them."""


class CasePresenceRow(Base):
    """An operator who has a page of a case open: it asks again every half minute."""

    __tablename__ = "case_presence"

    case_no: Mapped[str] = mapped_column(primary_key=True)
    operator_id: Mapped[int] = mapped_column(ForeignKey("operators.operator_id"), primary_key=True)
    seen_at: Mapped[datetime] = mapped_column(index=True)


class BulkActionRow(Base):
    """One operation on many cases: chosen, judged case by case, confirmed, then sent."""

    __tablename__ = "bulk_actions"

    bulk_id: Mapped[UUID] = mapped_column(primary_key=True)
    operator_id: Mapped[int] = mapped_column(ForeignKey("operators.operator_id"), index=True)
    handle: Mapped[str]
    """Of who does it; what is signed says so, too."""
    roles: Mapped[list[str]]
    """Those that they had when they said what to do."""
    chosen_at: Mapped[datetime]
    kind: Mapped[str | None]
    """What is done; None: it is not chosen yet."""
    content: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    """What was typed, by field."""
    confirmed_at: Mapped[datetime | None]


class BulkLineRow(Base):
    """One case of a bulk action: how it was judged, what was signed for it, and what came of it."""

    __tablename__ = "bulk_lines"
    __table_args__ = (
        Index("bulk_lines_to_judge", "bulk_id", postgresql_where=text("asked_at is not null and judged_at is null")),
        Index("bulk_lines_to_send", "bulk_id", postgresql_where=text("entry is not null and answered_at is null")),
    )

    bulk_id: Mapped[UUID] = mapped_column(ForeignKey("bulk_actions.bulk_id", ondelete="CASCADE"), primary_key=True)
    case_no: Mapped[str] = mapped_column(primary_key=True)
    part: Mapped[int] = mapped_column(primary_key=True)
    workflow_id: Mapped[str]
    """The one that leads the case."""
    asked_at: Mapped[datetime | None]
    """Since when it waits to be judged; None: what to do is not said yet."""
    judged_at: Mapped[datetime | None]
    refused_because: Mapped[str | None]
    """Why it is not done: by the rules when it was judged, or by the case when it was sent."""
    operation: Mapped[str | None]
    message: Mapped[dict[str, Any] | None]
    """What is sent, with its salt once it is signed."""
    first_run: Mapped[str | None]
    """For which the signature is made."""
    update_id: Mapped[str | None]
    entry: Mapped[str | None]
    """The signed header; None: it is not confirmed, or refused before."""
    tries: Mapped[int] = mapped_column(server_default="0")
    answered_at: Mapped[datetime | None]
    """When it was known what came of it."""
    answer: Mapped[str | None]
    """What the case said beside that it is done."""
