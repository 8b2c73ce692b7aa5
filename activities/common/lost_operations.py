"""Operations that a Reset has not taken again, as the reconciliation has found them: read by the case itself."""

from sqlalchemy import select
from temporalio import activity

from models.common.messages import CaseRef, LostOperation, LostOperations
from models.common.store.case_status import WHOLE
from models.common.store.sessions import DatabaseSessions
from models.tables import LostOperationRow


class LostOperationActivities:
    """Reads what was found."""

    def __init__(self, sessions: DatabaseSessions) -> None:
        self._sessions = sessions

    @activity.defn
    async def lost_operations(self, case: CaseRef) -> LostOperations:
        """Return those of a case, or of one part of it, in the order in which they were done. Reads only."""
        row = LostOperationRow
        lost = select(row).filter_by(case_no=case.case_no, part=case.part or WHOLE)
        async with self._sessions() as session:
            rows = (await session.scalars(lost.order_by(row.happened_at, row.update_id))).all()
        return LostOperations(
            operations=tuple(LostOperation(update_id=each.update_id, action=each.action, by=each.by) for each in rows)
        )
