"""Who is in charge of an office's case: operators get cases by their workload, none while on leave."""

from sqlalchemy import update
from temporalio import activity

from activities.common.operators import operator_for
from models.common.messages import Assigned
from models.common.store.ledger import Ledger, StepTransaction
from models.tables import ApplicationOfficeRow
from models.yayoi.messages import Assign


class AssignmentActivities:
    """Finds an operator and writes down whose case it is."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    @activity.defn
    async def assign_operator(self, step: Assign) -> Assigned:
        """Return the operator in charge; None if nobody is there, then the case keeps whom it has.

        Raises a final error for a named operator who is not in the table or is on leave.
        """

        async def assign(transaction: StepTransaction) -> Assigned:
            operator = await operator_for(transaction.session, step.at, to=step.to, but_not=step.but_not)
            if operator is None:
                return Assigned(operator=None)
            pairs = update(ApplicationOfficeRow).where(
                ApplicationOfficeRow.application_no == step.application_no,
                ApplicationOfficeRow.closed_at.is_(None),
            )
            if step.office_no is not None:
                pairs = pairs.where(ApplicationOfficeRow.office_no == step.office_no)
            await transaction.session.execute(pairs.values(assignee=operator))
            transaction.audit("担当者を決めた", by=step.by, reason=step.reason, operator=operator)
            return Assigned(operator=operator)

        return await self._ledger.once(step, f"assign.{step.asked_as or step.occurrence}", Assigned, assign)
