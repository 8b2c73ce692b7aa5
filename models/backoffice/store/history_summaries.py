"""Which closed cases have no summary of their history in the audit yet, and writing it."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import select, tuple_

from models.backoffice.data_map import CLOSED_STAGE
from models.backoffice.history_summary import SUMMARISED, HistorySummary
from models.common.acting import SYSTEM
from models.common.store.audit import audit
from models.common.store.sessions import DatabaseSession, DatabaseSessions
from models.tables import AuditRow, CaseStatusRow

_EVER = datetime.fromtimestamp(0, UTC)


async def closed_without_summary(
    sessions: DatabaseSessions, after: tuple[str, int], at_most: int
) -> Sequence[tuple[str, int]]:
    """Return parts of cases (0: the whole) that have closed and are not summarised, in order, after this one."""
    row = CaseStatusRow
    summary = select(AuditRow.sequence).where(
        AuditRow.case_no == row.case_no, AuditRow.part == row.part, AuditRow.action == SUMMARISED
    )
    later = tuple_(row.case_no, row.part) > after
    closed = row.outcome.is_not(None) | (row.stage == CLOSED_STAGE)
    found = select(row.case_no, row.part).where(later, closed, ~summary.exists())
    async with sessions() as session:
        rows = await session.execute(found.order_by(row.case_no, row.part).limit(at_most))
        return [(each.case_no, each.part) for each in rows]


def keep_summary(
    session: DatabaseSession, case_no: str, part: int, runs: Sequence[HistorySummary], at: datetime
) -> None:
    """Put it into the audit of the part, once; no run: Temporal had none any more."""
    kept = [run.model_dump(mode="json") for run in runs]
    audit(session, case_no, SUMMARISED, by=SYSTEM, at=at, part=part, once_since=_EVER, runs=kept)
