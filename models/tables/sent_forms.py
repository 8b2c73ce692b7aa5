"""Forms of pages that were sent: what was typed, and what was answered. Nothing here is older than an hour."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base


class KeptFormColumns(Base):
    """What was typed into a form, without secrets, for the page on which the browser that sent it goes on."""

    __abstract__ = True

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


class FormPressColumns(Base):
    """A form that was sent: for some seconds the same form is not handled again, but led where the first one was."""

    __abstract__ = True

    key: Mapped[str] = mapped_column(primary_key=True)
    """A hash of the form as it was sent, with the number that the page gave it."""
    pressed_at: Mapped[datetime] = mapped_column(index=True)
    location: Mapped[str | None]
    """Where the first one was led; None: it is still being handled."""


class KeptFormRow(KeptFormColumns):
    """By customers."""

    __tablename__ = "kept_forms"


class FormPressRow(FormPressColumns):
    """By customers."""

    __tablename__ = "form_presses"


class DeskKeptFormRow(KeptFormColumns):
    """By operators: the customers' pages can neither read nor change it."""

    __tablename__ = "desk_kept_forms"


class DeskFormPressRow(FormPressColumns):
    """By operators."""

    __tablename__ = "desk_form_presses"
