"""The business group that a Yayoi ID administers: what it typed when it created it, and its corrections (Y20)."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from models.common.store.audit import audit
from models.common.store.sessions import DatabaseSessions
from models.tables import BusinessGroupDetailsRow, BusinessGroupRow, GroupMemberRow, YayoiIdRow
from models.yayoi.business_groups import GroupDetails
from models.yayoi.customer_events import ON_A_PAGE
from models.yayoi.customers import signed_in
from models.yayoi.store.credentials import person_number
from models.yayoi.store.pair_status import PairStatus


@dataclass(frozen=True)
class OwnGroup:
    """A group as its administrator types it; `details` is None if nobody has typed any."""

    group_id: int
    name: str
    details: GroupDetails | None


async def own_group(sessions: DatabaseSessions, yayoi_id: str) -> OwnGroup | None:
    """Return the group that this ID administers; None if it administers none."""
    async with sessions() as session:
        found = await session.execute(
            select(BusinessGroupRow, BusinessGroupDetailsRow)
            .join(GroupMemberRow, GroupMemberRow.group_id == BusinessGroupRow.group_id)
            .outerjoin(BusinessGroupDetailsRow, BusinessGroupDetailsRow.group_id == BusinessGroupRow.group_id)
            .where(GroupMemberRow.person_id == YayoiIdRow.id_of(yayoi_id), GroupMemberRow.administrator)
        )
        if (row := found.first()) is None:
            return None
        group, details = row
        typed = GroupDetails.model_validate({name: getattr(details, name) for name in _DETAILS}) if details else None
        return OwnGroup(group.group_id, group.name, typed)


async def correct_group(
    sessions: DatabaseSessions, pair: PairStatus, before: OwnGroup, corrected: OwnGroup, at: datetime
) -> None:
    """Replace name and details; the audit trail of the pair's case says what they were."""
    typed = corrected.details.model_dump() if corrected.details else {}
    async with sessions.begin() as session:
        (await session.get_one(BusinessGroupRow, before.group_id)).name = corrected.name
        await session.execute(
            insert(BusinessGroupDetailsRow)
            .values(group_id=before.group_id, **typed)
            .on_conflict_do_update(index_elements=[BusinessGroupDetailsRow.group_id], set_=typed)
        )
        audit(
            session,
            pair.application_no,
            "事業グループの内容を訂正した",
            by=str(signed_in(await person_number(session, pair.yayoi_id))),
            at=at,
            part=pair.office_no,
            reason=ON_A_PAGE,
            before={"group_name": before.name, "details": before.details and before.details.model_dump(mode="json")},
        )


_DETAILS = tuple(GroupDetails.model_fields)
