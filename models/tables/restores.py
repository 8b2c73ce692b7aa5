"""What a restore leaves: which epoch the records are of, what became of each case, whose mails wait."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base


class StoreMarkRow(Base):
    """One row: what Postgres and Temporal both carry, so that a store that was exchanged or rolled back is seen."""

    __tablename__ = "store_mark"
    __table_args__ = (CheckConstraint("row_no = 1", name="one_row"),)

    row_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    epoch: Mapped[int]
    """Raised by each restore."""
    token: Mapped[str]
    """Chosen with the epoch: the same number elsewhere is another epoch."""
    mark: Mapped[int] = mapped_column(BigInteger)
    """Counted up by one process; Temporal follows."""
    marked_at: Mapped[datetime] = mapped_column(server_default=func.now())
    restored_at: Mapped[datetime | None]
    """When the last restore was; None: there was none."""


class RestoredCaseRow(Base):
    """What the last restore has found and done about a workflow."""

    __tablename__ = "restored_cases"

    workflow_id: Mapped[str] = mapped_column(primary_key=True)
    case_no: Mapped[str | None]
    """None: no record is about it."""
    part: Mapped[int | None]
    verdict: Mapped[str]
    """A value of `Verdict`."""
    detail: Mapped[str]
    """What was found and done, as operators read it."""
    decided_at: Mapped[datetime] = mapped_column(server_default=func.now())
    reported_at: Mapped[datetime | None]
    """When the reconciliation has named it."""


class HeldCaseRow(Base):
    """A case whose own mails and webhooks wait since a restore: the lost time may have sent them already."""

    __tablename__ = "held_cases"

    case_no: Mapped[str] = mapped_column(primary_key=True)
    held_since: Mapped[datetime]
