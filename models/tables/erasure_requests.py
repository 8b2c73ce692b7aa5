"""Requests to erase a person: asked for by one operator, approved by another."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base


class ErasureRequestRow(Base):
    """One request. Once it is done, nothing in it names the person any more."""

    __tablename__ = "erasure_requests"

    request_id: Mapped[UUID] = mapped_column(primary_key=True)
    whom: Mapped[list[str]]
    """Their mail addresses; emptied when it is over."""
    asked_by: Mapped[str]
    """The handle of who asks."""
    asked_at: Mapped[datetime]
    found: Mapped[dict[str, Any] | None]
    """Where they occur, and why they cannot be erased yet; None: nobody has looked yet."""
    answered_by: Mapped[str | None]
    """The handle of who has approved or declined it."""
    approved_at: Mapped[datetime | None]
    declined_at: Mapped[datetime | None]
    done_at: Mapped[datetime | None]
    report: Mapped[dict[str, Any] | None]
    """What was erased, by table, and when the last backup that holds it ends."""
