"""What waits for a supervisor, from the status rows."""

from collections.abc import Sequence

from sqlalchemy import select

from models.common.store.sessions import DatabaseSessions
from models.tables import CaseStatusRow


async def cases_awaiting_approval(sessions: DatabaseSessions, *, most: int) -> Sequence[CaseStatusRow]:
    """Return the parts of cases in which a supervisor is asked for something, the longest unchanged first."""
    row = CaseStatusRow
    async with sessions() as session:
        waiting = select(row).where(row.awaits_approval, row.outcome.is_(None)).order_by(row.changed_at)
        return (await session.scalars(waiting.limit(most))).all()
