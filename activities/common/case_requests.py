"""Operations that are requested for every part of a case: stored once, read by each part."""

from sqlalchemy import func, select
from temporalio import activity

from models.common.messages import CaseRequest, CaseRequests, RequestOperation, RequestsAfter
from models.common.store.ledger import Ledger, StepTransaction
from models.common.store.sessions import DatabaseSessions
from models.tables import CaseRequestRow


class CaseRequestActivities:
    """Stores and reads requests."""

    def __init__(self, sessions: DatabaseSessions, ledger: Ledger) -> None:
        self._sessions = sessions
        self._ledger = ledger

    @activity.defn
    async def request_operation(self, step: RequestOperation) -> CaseRequest:
        """Store a request once for each update, with its number within the case."""

        async def request(transaction: StepTransaction) -> CaseRequest:
            row = CaseRequestRow
            # Two at once would take the same number: the primary key refuses the second, which is then tried again.
            last = await transaction.session.scalar(select(func.max(row.number)).where(row.case_no == step.case_no))
            said = step.model_dump(include={"operation", "by", "asked_as", "commitment", "message"})
            stored = CaseRequest(number=(last or 0) + 1, **said)
            transaction.session.add(
                CaseRequestRow(**stored.model_dump(), case_no=step.case_no, key=transaction.key, requested_at=step.at)
            )
            transaction.audit(step.label, by=step.by, reason=step.reason)
            return stored

        return await self._ledger.once(step, f"request.{step.counted}", CaseRequest, request)

    @activity.defn
    async def requests_after(self, after: RequestsAfter) -> CaseRequests:
        """Return the requests after a number, in their order. Reads only."""
        row = CaseRequestRow
        later = select(row).where(row.case_no == after.case_no, row.number > after.number).order_by(row.number)
        async with self._sessions() as session:
            rows = await session.scalars(later)
            return CaseRequests(requests=tuple(CaseRequest.model_validate(each, from_attributes=True) for each in rows))
