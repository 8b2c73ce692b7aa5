"""The audit trail: who did what to which case, and why."""

from datetime import datetime
from typing import Any

from models.common.store.sessions import DatabaseSession
from models.tables import AuditRow


def audit(
    session: DatabaseSession,
    case_no: str,
    action: str,
    *,
    by: str,
    at: datetime,
    part: int | None = None,
    update_id: str | None = None,
    reason: str = "",
    **facts: Any,
) -> None:
    """Add an entry, which commits with what it is about."""
    session.add(
        AuditRow(
            happened_at=at,
            case_no=case_no,
            part=part,
            action=action,
            by=by,
            update_id=update_id,
            reason=reason,
            facts=facts,
        )
    )
