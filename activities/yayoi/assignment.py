"""Who is in charge of an office's case: operators get cases by their workload, none while on leave."""

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio import activity

from activities.common.operators import least_busy, named_operator
from models.common.messages import Assigned
from models.common.store.ledger import Ledger, StepTransaction
from models.tables import ApplicationOfficeRow
from models.yayoi.messages import Assign


class AssignmentActivities:
    """Finds an operator and writes down whose case it is."""

    def __init__(self, sessions: async_sessionmaker[AsyncSession], ledger: Ledger) -> None:
        self._sessions = sessions
        self._ledger = ledger

    @activity.defn
    async def assign_operator(self, asked: Assign) -> Assigned:
        """Return the operator in charge; None if nobody is there, then the case keeps whom it has.

        Raises a final error for a named operator who is not in the table or is on leave.
        """

        async def assign(transaction: StepTransaction) -> Assigned:
            operator = (
                await named_operator(transaction.session, asked.to, asked.at)
                if asked.to
                else await least_busy(transaction.session, asked.at, but_not=asked.but_not)
            )
            if operator is None:
                return Assigned(operator=None)
            pairs = update(ApplicationOfficeRow).where(
                ApplicationOfficeRow.application_no == asked.application_no,
                ApplicationOfficeRow.closed_at.is_(None),
            )
            if asked.office_no is not None:
                pairs = pairs.where(ApplicationOfficeRow.office_no == asked.office_no)
            await transaction.session.execute(pairs.values(assignee=operator))
            transaction.audit("担当者を決めた", by=asked.by, reason=asked.reason, operator=operator)
            return Assigned(operator=operator)

        return await self._ledger.once(asked, f"assign.{asked.asked_as or asked.occurrence}", Assigned, assign)
