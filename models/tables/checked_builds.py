"""Builds of the program: which have passed the replay check, and which cases are not taken."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base


class ReplayCheckRow(Base):
    """A build that was found to break no open case."""

    __tablename__ = "replay_checks"

    build_id: Mapped[str] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True)
    """A hash of its code: a build id of one's own choice may be given twice."""
    passed_at: Mapped[datetime]


class UntakenCaseRow(Base):
    """A workflow that the current build would break, so that its workers do not run it."""

    __tablename__ = "untaken_cases"

    workflow_id: Mapped[str] = mapped_column(primary_key=True)
    build_id: Mapped[str]
    found_at: Mapped[datetime]
