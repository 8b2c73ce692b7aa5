"""Looking up in which business group the evidence of an office is stored (Y23)."""

from models.common.store.sessions import DatabaseSession
from models.tables import BusinessGroupRow, GroupMemberRow, OfficeRow
from models.yayoi.evidence_guard import (
    EvidenceAllowed,
    EvidenceQuestion,
    EvidenceRefusedError,
    UnknownOfficeError,
    refuse_evidence,
)


async def check_evidence(session: DatabaseSession, question: EvidenceQuestion) -> EvidenceAllowed:
    """Return where the evidence may be stored. Raises `UnknownOfficeError` and `EvidenceRefusedError`."""
    office = await session.get(OfficeRow, question.office_token)
    if office is None:
        raise UnknownOfficeError
    member = await session.scalar(GroupMemberRow.of(question.yayoi_id))
    if refusal := refuse_evidence(member.group_id if member else None, office.group_id):
        raise EvidenceRefusedError(refusal)
    group = await session.get_one(BusinessGroupRow, office.group_id)
    return EvidenceAllowed(office_name=office.name, group_name=group.name)
