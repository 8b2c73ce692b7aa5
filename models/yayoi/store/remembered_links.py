"""The links that are remembered for a pair: the only place that knows what their services are called (Y14, Y21)."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select

from models.common.calendar import day_in_japan
from models.common.store.sessions import DatabaseSession, DatabaseSessions
from models.tables import ApplicationRow, RememberedLinkRow
from models.yayoi.messages import OfficeRef
from models.yayoi.relink_form import RelinkRule
from models.yayoi.service_links import NO_LINK, LinkedService, LinkKind, ServiceNames
from models.yayoi.store.after_closing import has_ended

RELINK_CORRECTED = "再連携の日を訂正した"
"""As the audit trail has it."""
NOT_RECORDED = "この再連携は、まだ記録されていません。先に再連携を記録してください。"


@dataclass(frozen=True)
class RecordedRelink:
    """Which days a re-link can have, and whether the procedure that recorded it has ended."""

    rule: RelinkRule
    ended: bool


async def link_number(sessions: DatabaseSessions, pair: OfficeRef, kind: LinkKind, service: str) -> int:
    """Return by which number the pair's case knows a service; `NO_LINK` if it is none of its links."""
    row = RememberedLinkRow
    its_own = select(row.number).filter_by(application_no=pair.case_no, office_no=pair.part, kind=kind, service=service)
    async with sessions() as session:
        return await session.scalar(its_own) or NO_LINK


async def service_names(session: DatabaseSession, application_no: str, office_no: int | None) -> ServiceNames:
    """Return what the services of one pair are called."""
    return (await service_names_of_pairs(session, application_no)).get(office_no or 0, ServiceNames())


async def service_names_of_pairs(session: DatabaseSession, application_no: str) -> Mapping[int, ServiceNames]:
    """Return it of each pair of an application that has links."""
    links: dict[int, dict[int, LinkedService]] = defaultdict(dict)
    rows = await session.scalars(select(RememberedLinkRow).filter_by(application_no=application_no))
    for row in rows:
        links[row.office_no][row.number] = LinkedService(LinkKind(row.kind), row.service, row.last_imported_on)
    return {office_no: ServiceNames.of(by_number) for office_no, by_number in links.items()}


async def recorded_relink(session: DatabaseSession, pair: OfficeRef, number: int, today: date) -> RecordedRelink | None:
    """Read what is recorded of a service that was linked again; None if nothing is."""
    key = {"application_no": pair.case_no, "office_no": pair.part, "number": number}
    link = await session.get(RememberedLinkRow, key)
    if link is None or link.relinked_on is None:
        return None
    application = await session.get_one(ApplicationRow, pair.case_no)
    rule = RelinkRule(LinkKind(link.kind), today, day_in_japan(application.applied_at), link.last_imported_on)
    return RecordedRelink(rule, ended=await has_ended(session, pair.case_no, pair.part))
