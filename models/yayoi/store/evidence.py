"""Looking up in which business group the evidence of an office is stored (Y23)."""

from models.common.store.sessions import DatabaseSessions
from models.tables import BusinessGroupRow, GroupMemberRow, OfficeRow
from models.yayoi.evidence_guard import (
    EvidenceAllowed,
    EvidenceQuestion,
    EvidenceRefusedError,
    UnknownOfficeError,
    refuse_evidence,
)
from models.yayoi.store.pair_status import group_of


async def check_evidence(sessions: DatabaseSessions, question: EvidenceQuestion) -> EvidenceAllowed:
    """Return where the evidence may be stored. Raises `UnknownOfficeError` and `EvidenceRefusedError`."""
    async with sessions() as session:
        office = await session.get(OfficeRow, question.office_token)
        if office is None:
            raise UnknownOfficeError
        member = await session.scalar(GroupMemberRow.of(question.yayoi_id))
        if refusal := refuse_evidence(member.group_id if member else None, office.group_id):
            raise EvidenceRefusedError(refusal)
        group = await session.get_one(BusinessGroupRow, office.group_id)
    return EvidenceAllowed(office_name=office.name, group_name=group.name)


async def own_group(sessions: DatabaseSessions, yayoi_id: str) -> str | None:
    """Return the name of the business group that the ID belongs to, if it belongs to one."""
    async with sessions() as session:
        return await group_of(session, yayoi_id)
