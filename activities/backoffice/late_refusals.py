"""Events that were accepted and refused later: their senders do not know, so the operators' desk is notified."""

from datetime import datetime

from sqlalchemy import select, update

from models.backoffice.reconciliation import Finding, FindingKind, ReconciliationReport
from models.common.calendar import JST
from models.common.store.sessions import DatabaseSessions
from models.tables import EventRow
from models.yayoi.customer_events import event_label, sender_label
from models.yayoi.identifiers import ApplicationNo


class LateRefusals:
    """Each is found until a report of it was sent, then never again."""

    def __init__(self, sessions: DatabaseSessions) -> None:
        self._sessions = sessions

    async def find(self, at: datetime) -> list[Finding]:
        """Return those of up to `at`, the oldest first."""
        async with self._sessions() as session:
            rows = await session.scalars(
                select(EventRow)
                .where(EventRow.unreported_since <= at)
                .order_by(EventRow.unreported_since, EventRow.event_id)
            )
            return [_finding(row) for row in rows]

    async def mark_reported(self, report: ReconciliationReport) -> None:
        """Note that the desk was notified. One that was sent, and refused, again since then is found again."""
        events = [finding.event_id for finding in report.findings if finding.event_id]
        if not events:
            return
        async with self._sessions.begin() as session:
            await session.execute(
                update(EventRow)
                .where(EventRow.event_id.in_(events), EventRow.unreported_since <= report.at)
                .values(unreported_since=None)
            )


def _finding(row: EventRow) -> Finding:
    received_at = f"{row.received_at.astimezone(JST):%Y-%m-%d %H:%M}"
    sender = sender_label(row.sent_by)
    return Finding(
        kind=FindingKind.REFUSED_LATE,
        application_no=ApplicationNo(row.application_no) if row.application_no else None,
        office_no=row.office_no,
        event_id=row.event_id,
        detail=(
            f"{received_at} に{sender}から受け付けた連絡（{event_label(row.kind)}）を、後で手続きに届けたところ、"
            f"次の理由で断られました。「{row.refused_because}」"
            f"送信元はこのことを知りません。{sender}に確認し、必要な場合は手続きの操作で記録してください。"
        ),
    )
