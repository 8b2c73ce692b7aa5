"""Which operator takes a case: a named one who is there, or the one with the fewest open cases of every procedure.

They are known by their handles; what they are called is looked up where it is shown.
"""

from datetime import datetime

from sqlalchemy import func, select, text
from temporalio.exceptions import ApplicationError

from models.common.calendar import day_in_japan
from models.common.store.sessions import DatabaseSession
from models.tables import CaseStatusRow, OperatorRow

_ASSIGNMENT_LOCK = 7_000_016_001
"""The number by which Postgres knows the lock that assignments take one after the other."""


async def operator_for(session: DatabaseSession, at: datetime, *, to: str | None, but_not: str | None) -> str | None:
    """Return the handle of whom `to` names, or else of the least busy who is not `but_not`; None if nobody is there.

    Raises a final error for a named one who is not in the table or is on leave.
    """
    return await _named_operator(session, to, at) if to else await _least_busy(session, at, but_not=but_not)


async def _named_operator(session: DatabaseSession, handle: str, at: datetime) -> str:
    working = select(OperatorRow).where(OperatorRow.removed_at.is_(None))
    row = await session.scalar(working.where(OperatorRow.handle == handle))
    if row is None:
        handles = ", ".join(each.handle for each in await session.scalars(working.order_by(OperatorRow.handle)))
        raise ApplicationError(
            f"担当者「{handle}」は登録されていません。登録されている担当者：{handles or 'なし'}。",
            {"field": "to"},
            type="UnknownOperator",
            non_retryable=True,
        )
    if row.is_on_leave(day_in_japan(at)):
        raise ApplicationError(
            f"担当者「{handle}」は{f' {row.leave_until} まで' if row.leave_until else ''}休暇中です。",
            {"field": "to"},
            type="OperatorOnLeave",
            non_retryable=True,
        )
    return row.handle


async def _least_busy(session: DatabaseSession, at: datetime, *, but_not: str | None) -> str | None:
    """Return who has the fewest open parts of cases, of every procedure. Holds the lock until the commit."""
    # Without the lock, two cases that are assigned at once both go to whoever had the fewest before.
    await session.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": _ASSIGNMENT_LOCK})
    case = CaseStatusRow
    theirs = (case.assignee == OperatorRow.handle) & case.outcome.is_(None)
    return await session.scalar(
        select(OperatorRow.handle)
        .outerjoin(case, theirs)
        .where(
            ~OperatorRow.on_leave(day_in_japan(at)),
            OperatorRow.handle != (but_not or ""),
            OperatorRow.takes_cases,
            OperatorRow.removed_at.is_(None),
        )
        .group_by(OperatorRow.handle)
        .order_by(func.count(case.case_no), OperatorRow.handle)
        .limit(1)
    )


async def address_of_handle(session: DatabaseSession, handle: str) -> str | None:
    """Return the address of an operator; None for one who has left."""
    working = (OperatorRow.handle == handle, OperatorRow.removed_at.is_(None))
    return await session.scalar(select(OperatorRow.mail_address).where(*working))


async def operator_address(session: DatabaseSession, assignee: str | None, *, escalated: bool) -> str | None:
    """Return the address of the operator in charge, or of a supervisor; None if there is none."""
    who = OperatorRow.supervisor if escalated else OperatorRow.handle == assignee
    addresses = select(OperatorRow.mail_address).where(who, OperatorRow.removed_at.is_(None))
    return await session.scalar(addresses.order_by(OperatorRow.handle).limit(1))
