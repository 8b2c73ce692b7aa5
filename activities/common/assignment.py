"""Who is in charge of a case: operators get cases by their workload, none while on leave."""

from sqlalchemy import select, update
from temporalio import activity

from activities.common.operators import operator_for
from models.common.actors import Actor, ActorKind
from models.common.messages import AssignCase, Assigned
from models.common.store.case_status import WHOLE
from models.common.store.ledger import Ledger, StepTransaction
from models.tables import CaseStatusRow


class AssignmentActivities:
    """Finds an operator and writes down whose case it is."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    @activity.defn
    async def assign_operator(self, step: AssignCase) -> Assigned:
        """Return the handle of who is in charge; None if nobody is there, then the case keeps whom it has.

        Raises a final error for a named operator who is not in the table or is on leave.
        """

        async def assign(transaction: StepTransaction) -> Assigned:
            operator = await operator_for(transaction.session, step.at, to=step.to, but_not=step.but_not)
            if operator is None:
                return Assigned(operator=None)
            theirs = (
                CaseStatusRow.case_no == step.case_no,
                CaseStatusRow.part != WHOLE if step.all_parts else CaseStatusRow.part == (step.part or WHOLE),
                CaseStatusRow.outcome.is_(None),
            )
            before = await transaction.session.scalar(select(CaseStatusRow.assignee).where(*theirs).limit(1))
            await transaction.session.execute(update(CaseStatusRow).where(*theirs).values(assignee=operator))
            transaction.audit("担当者を決めた", by=step.by, reason=step.reason, operator=operator)
            themselves = step.by == str(Actor(ActorKind.OPERATOR, operator))
            return Assigned(operator=operator, by_another=operator != before and not themselves)

        return await self._ledger.once(step, f"assign.{step.counted}", Assigned, assign)
