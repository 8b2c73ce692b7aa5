"""Which operator takes a case: a named one who is there, or the one with the least open cases of every kind."""

from datetime import datetime

from sqlalchemy import func, literal, select, text, union_all
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio.exceptions import ApplicationError

from models.common.calendar import day_in_japan
from models.tables import ApplicationOfficeRow, MyicsRegistrationRow, OperatorRow

_ONE_AT_A_TIME = 7_000_016_001


async def named_operator(session: AsyncSession, name: str, at: datetime) -> str:
    """Return the operator. Raises a final error for one who is not in the table or is on leave."""
    row = await session.get(OperatorRow, name)
    if row is None:
        names = ", ".join(await session.scalars(select(OperatorRow.name).order_by(OperatorRow.name)))
        raise ApplicationError(
            f"担当者「{name}」は登録されていません。登録されている担当者：{names or 'なし'}。",
            type="UnknownOperator",
            non_retryable=True,
        )
    if row.is_on_leave(day_in_japan(at)):
        raise ApplicationError(
            f"担当者「{name}」は{f' {row.leave_until} まで' if row.leave_until else ''}休暇中です。",
            type="OperatorOnLeave",
            non_retryable=True,
        )
    return row.name


async def least_busy(session: AsyncSession, at: datetime, *, but_not: str | None = None) -> str | None:
    """Return who has the least open cases and is there; None if nobody is. Holds the turn until the commit."""
    # Two cases that are assigned at once must not both go to whoever had the least work before.
    await session.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": _ONE_AT_A_TIME})
    cases = union_all(
        *(
            select(table.assignee.label("assignee"), literal(1).label("one")).where(
                table.closed_at.is_(None), table.assignee.is_not(None)
            )
            for table in (ApplicationOfficeRow, MyicsRegistrationRow)
        )
    ).subquery()
    return await session.scalar(
        select(OperatorRow.name)
        .outerjoin(cases, cases.c.assignee == OperatorRow.name)
        .where(
            ~OperatorRow.on_leave(day_in_japan(at)),
            OperatorRow.name != (but_not or ""),
            OperatorRow.takes_cases,
        )
        .group_by(OperatorRow.name)
        .order_by(func.count(cases.c.one), OperatorRow.name)
        .limit(1)
    )
