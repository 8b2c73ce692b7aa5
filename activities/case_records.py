"""Our own records of a case: closing its parts and the whole."""

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio import activity

from activities.cases import find_pair
from activities.ledger import SYSTEM, Ledger, Work
from models.messages import CloseApplication, CloseOffice
from models.tables import ApplicationRow, AuditRow


class CaseRecordActivities:
    """Closes what has ended."""

    def __init__(self, sessions: async_sessionmaker[AsyncSession], ledger: Ledger) -> None:
        self._sessions = sessions
        self._ledger = ledger

    @activity.defn
    async def close_office(self, step: CloseOffice) -> None:
        """Close the office's part: its Yayoi ID and token may be applied for again (Y1)."""

        async def close(work: Work) -> CloseOffice:
            pair = await find_pair(work.session, step.application_no, step.office_no)
            pair.office.closed_at = step.at
            pair.office.outcome = step.outcome
            pair.office.open_points = list(step.open_points)
            work.audit(f"事業所データの手続きを終了した（{step.outcome}）", open_points=list(step.open_points))
            return step

        await self._ledger.once(step, "close", CloseOffice, close)

    @activity.defn
    async def close_application(self, step: CloseApplication) -> None:
        """Close the application; doing it again changes nothing."""
        async with self._sessions.begin() as session:
            row = await session.get_one(ApplicationRow, step.application_no, with_for_update=True)
            if row.closed_at is None:
                row.closed_at = step.at
                session.add(
                    AuditRow(
                        happened_at=step.at,
                        application_no=step.application_no,
                        action="申込の手続きを終了した",
                        by=SYSTEM,
                    )
                )
