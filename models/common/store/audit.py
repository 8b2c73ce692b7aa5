"""The audit trail: who did what to which case, and why."""

from datetime import datetime
from typing import Any

from models.common.store.sessions import DatabaseSession
from models.tables import AuditRow


def audit(
    session: DatabaseSession,
    application_no: str,
    action: str,
    *,
    by: str,
    at: datetime,
    office_no: int | None = None,
    reason: str = "",
    **facts: Any,
) -> None:
    """Add an entry, which commits with what it is about. Cases of other procedures give their own number."""
    session.add(
        AuditRow(
            happened_at=at,
            application_no=application_no,
            office_no=office_no,
            action=action,
            by=by,
            reason=reason,
            facts=facts,
        )
    )
