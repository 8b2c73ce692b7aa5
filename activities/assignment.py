"""Who is in charge: operators get cases by their workload, none while on leave."""

from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.ledger import Ledger, Work
from models.calendar import day_in_japan
from models.messages import Assign, Assigned
from models.tables import ApplicationOfficeRow, OperatorRow

_ONE_AT_A_TIME = 7_000_016_001


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

        async def assign(work: Work) -> Assigned:
            operator = await self._named(work, asked) if asked.to else await self._least_busy(work, asked)
            if operator is None:
                return Assigned(operator=None)
            pairs = update(ApplicationOfficeRow).where(
                ApplicationOfficeRow.application_no == asked.application_no,
                ApplicationOfficeRow.closed_at.is_(None),
            )
            if asked.office_no is not None:
                pairs = pairs.where(ApplicationOfficeRow.office_no == asked.office_no)
            await work.session.execute(pairs.values(assignee=operator))
            work.audit("担当者を決めた", by=asked.by, reason=asked.reason, operator=operator)
            return Assigned(operator=operator)

        return await self._ledger.once(asked, f"assign.{asked.occurrence}", Assigned, assign)

    @staticmethod
    async def _named(work: Work, asked: Assign) -> str:
        row = await work.session.get(OperatorRow, asked.to)
        if row is None:
            names = ", ".join(await work.session.scalars(select(OperatorRow.name).order_by(OperatorRow.name)))
            raise ApplicationError(
                f"担当者「{asked.to}」は登録されていません。登録されている担当者：{names or 'なし'}。",
                type="UnknownOperator",
                non_retryable=True,
            )
        if row.is_on_leave(day_in_japan(asked.at)):
            raise ApplicationError(
                f"担当者「{asked.to}」は{f' {row.leave_until} まで' if row.leave_until else ''}休暇中です。",
                type="OperatorOnLeave",
                non_retryable=True,
            )
        return row.name

    @staticmethod
    async def _least_busy(work: Work, asked: Assign) -> str | None:
        # Two cases that are assigned at once must not both go to whoever had the least work before.
        await work.session.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": _ONE_AT_A_TIME})
        today = day_in_japan(asked.at)
        open_cases = func.count(ApplicationOfficeRow.office_no)
        return await work.session.scalar(
            select(OperatorRow.name)
            .outerjoin(
                ApplicationOfficeRow,
                (ApplicationOfficeRow.assignee == OperatorRow.name) & ApplicationOfficeRow.closed_at.is_(None),
            )
            .where(
                ~OperatorRow.on_leave(today),
                OperatorRow.name != (asked.but_not or ""),
                OperatorRow.takes_cases,
            )
            .group_by(OperatorRow.name)
            .order_by(open_cases, OperatorRow.name)
            .limit(1)
        )
