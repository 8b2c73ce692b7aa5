"""Records of the customer's steps that were taken back: that they had begun is not undone by it (Y27)."""

from sqlalchemy import select

from models.common.store.sessions import DatabaseSession
from models.tables import AuditRow

RETRACTED = "の記録を取り消した"
"""How the audit trail ends what it says of one."""


async def retracted_parts(session: DatabaseSession, application_no: str) -> frozenset[int]:
    """Return of which offices of an application something that follows the notice was once recorded, and taken back."""
    entries = select(AuditRow.part).where(AuditRow.case_no == application_no, AuditRow.action.endswith(RETRACTED))
    return frozenset(await session.scalars(entries))
