"""Forms of pages that were sent: what was typed, and what was answered. Nothing here is older than an hour."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base


class KeptFormRow(Base):
    """What was typed into a form, without secrets, for the page on which the browser that sent it goes on."""

    __tablename__ = "kept_forms"

    form_id: Mapped[UUID] = mapped_column(primary_key=True)
    browser: Mapped[str]
    """The hash of the token that the browser holds: nobody else is shown it."""
    path: Mapped[str]
    """Of the page that shows it."""
    values: Mapped[dict[str, Any]]
    errors: Mapped[dict[str, Any]]
    """What is wrong, by field; empty where nothing is and the page leads on."""
    status: Mapped[int]
    """With which the page answers."""
    ends_at: Mapped[datetime] = mapped_column(index=True)


class FormPressRow(Base):
    """A form that was sent: for some seconds the same form is not handled again, but led where the first one was."""

    __tablename__ = "form_presses"

    key: Mapped[str] = mapped_column(primary_key=True)
    """A hash of the form as it was sent, with the number that the page gave it."""
    pressed_at: Mapped[datetime] = mapped_column(index=True)
    location: Mapped[str | None]
    """Where the first one was led; None: it is still being handled."""
