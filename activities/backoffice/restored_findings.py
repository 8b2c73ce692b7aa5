"""What a restore has found and done, as the reconciliation after it names it: each case, in both directions."""

from sqlalchemy import exists, func, or_, select, update

from activities.backoffice.differences import AT_MOST
from models.backoffice.reconciliation import Finding, FindingKind, ReconciliationReport
from models.backoffice.restored_cases import Verdict
from models.common.store.sessions import DatabaseSessions
from models.tables import HeldCaseRow, RestoredCaseRow


class RestoredFindings:
    """Each case is named once; one that is to be decided every day until somebody lets its mails go."""

    def __init__(self, sessions: DatabaseSessions) -> None:
        self._sessions = sessions

    async def find(self) -> list[Finding]:
        """Return those that are to be decided first. Reads only."""
        row = RestoredCaseRow
        waits = exists().where(HeldCaseRow.case_no == row.case_no)
        undecided = (row.verdict == Verdict.TO_DECIDE) & waits
        named = select(row).where(or_(row.reported_at.is_(None), undecided))
        in_order = named.order_by(row.verdict != Verdict.TO_DECIDE, row.verdict, row.workflow_id)
        async with self._sessions() as session:
            return [_finding(each) for each in await session.scalars(in_order.limit(AT_MOST))]

    async def mark_reported(self, report: ReconciliationReport) -> None:
        """Note which were named."""
        named = [each.procedure for each in report.findings if each.kind is FindingKind.RESTORED]
        if not named:
            return
        async with self._sessions.begin() as session:
            rows = update(RestoredCaseRow).where(RestoredCaseRow.workflow_id.in_(named))
            await session.execute(rows.values(reported_at=func.now()))


def _finding(row: RestoredCaseRow) -> Finding:
    verdict = Verdict(row.verdict)
    detail = f"{verdict.label}：{row.detail}"
    is_settled = verdict is not Verdict.TO_DECIDE
    return Finding(kind=FindingKind.RESTORED, procedure=row.workflow_id, detail=detail, repaired=is_settled)
