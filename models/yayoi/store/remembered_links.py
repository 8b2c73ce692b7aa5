"""The links that are remembered for a pair: the only place that knows what their services are called (Y14, Y21)."""

from collections import defaultdict
from collections.abc import Mapping

from sqlalchemy import select

from models.common.store.sessions import DatabaseSession, DatabaseSessions
from models.tables import RememberedLinkRow
from models.yayoi.messages import OfficeRef
from models.yayoi.service_links import NO_LINK, LinkedService, LinkKind, ServiceNames

RELINK_CORRECTED = "再連携の日を訂正した"
"""As the audit trail has it."""
NOT_RECORDED = "この再連携は、まだ記録されていません。先に再連携を記録してください。"


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


async def is_relinked(session: DatabaseSession, pair: OfficeRef, number: int) -> bool:
    """Whether a service is recorded as linked again."""
    key = {"application_no": pair.case_no, "office_no": pair.part, "number": number}
    link = await session.get(RememberedLinkRow, key)
    return link is not None and link.relinked_on is not None
