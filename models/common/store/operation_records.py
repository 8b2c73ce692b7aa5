"""What our records know of the operations of a case: with which run it began, and what an operation has done."""

from sqlalchemy import select

from models.common.identifiers import first_try
from models.common.store.sessions import DatabaseSession, DatabaseSessions
from models.tables import AuditRow, CaseStatusRow


class OperationRecords:
    """Reads them by the id of the workflow that leads the case."""

    def __init__(self, sessions: DatabaseSessions) -> None:
        self._sessions = sessions

    async def first_run_id(self, workflow_id: str) -> str | None:
        """Return for which run operations are signed; None if there is no such case, or it has not begun yet."""
        row = CaseStatusRow
        async with self._sessions() as session:
            first_run: str | None = await session.scalar(select(row.first_run_id).filter_by(workflow_id=workflow_id))
        return first_run

    async def done_by(self, workflow_id: str, update_id: str) -> str | None:
        """Return what an operation has done, in the audit trail's words; None if it has done nothing."""
        async with self._sessions() as session:
            actions = await _actions(session, workflow_id, first_try(update_id))
        return "、".join(actions) or None


async def is_done(session: DatabaseSession, case_no: str, part: int | None, update_id: str) -> bool:
    """Whether an operation of a case, or of a part of it, has done something. `update_id`: of its first try."""
    done = select(AuditRow.audit_id).filter_by(case_no=case_no, part=part or 0, update_id=update_id)
    return await session.scalar(done.limit(1)) is not None


async def _actions(session: DatabaseSession, workflow_id: str, update_id: str) -> list[str]:
    case, entry = CaseStatusRow, AuditRow
    of_case = (case.workflow_id == workflow_id, case.case_no == entry.case_no)
    done = select(entry.action).where(*of_case, entry.update_id == update_id).order_by(entry.audit_id)
    return list(await session.scalars(done))
