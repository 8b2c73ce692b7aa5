"""What is recorded of a service that was linked again, for whoever corrects it (Y21)."""

from dataclasses import dataclass
from datetime import date

from models.common.calendar import day_in_japan
from models.common.store.sessions import DatabaseSession
from models.tables import ApplicationRow, RememberedLinkRow
from models.yayoi.messages import OfficeRef
from models.yayoi.relink_form import RelinkRule
from models.yayoi.service_links import LinkKind
from models.yayoi.store.after_closing import has_ended

NOT_RECORDED = "この再連携は、まだ記録されていません。先に再連携を記録してください。"


@dataclass(frozen=True)
class RecordedRelink:
    """Which days it can have, and whether the procedure that recorded it has ended."""

    rule: RelinkRule
    ended: bool


async def recorded_relink(
    session: DatabaseSession, pair: OfficeRef, kind: LinkKind, service: str, today: date
) -> RecordedRelink | None:
    """Read it; None if it is not recorded that this service was linked again."""
    link = await session.get(RememberedLinkRow, (pair.case_no, pair.part, kind, service))
    if link is None or link.relinked_on is None:
        return None
    application = await session.get_one(ApplicationRow, pair.case_no)
    rule = RelinkRule(kind, today, day_in_japan(application.applied_at), link.last_imported_on)
    return RecordedRelink(rule, ended=await has_ended(session, pair.case_no, pair.part))
