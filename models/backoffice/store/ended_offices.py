"""Offices whose procedure has ended: which re-links are recorded, and what was corrected of them since (Y21)."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, or_, select

from models.backoffice.case_places import CasePlace
from models.common.actors import Actor
from models.common.messages import TimelineEntry
from models.common.store.sessions import DatabaseSession, DatabaseSessions
from models.tables import ApplicationOfficeRow, AuditRow, RememberedLinkRow
from models.yayoi.messages import KEPT
from models.yayoi.service_links import LinkKind, link_label
from models.yayoi.store.after_closing import CLOSED, NO_LONGER_OPEN, has_ended
from models.yayoi.store.remembered_links import RELINK_CORRECTED


@dataclass(frozen=True)
class RelinksOfEnded:
    """What is kept of one that was not undone."""

    relinked: Sequence[RememberedLinkRow]
    corrected: Sequence[TimelineEntry]
    """What the history of its workflow does not say, since it had ended before."""


async def ended_office(sessions: DatabaseSessions, place: CasePlace) -> RelinksOfEnded | None:
    """Return it; None while its procedure goes on, or where all was taken back."""
    pair = {"application_no": place.case_no, "office_no": place.part}
    async with sessions() as session:
        office = await session.get(ApplicationOfficeRow, pair)
        if office is None or office.outcome not in KEPT or not await has_ended(session, *place):
            return None
        links = select(RememberedLinkRow).filter_by(**pair).where(RememberedLinkRow.relinked_on.is_not(None))
        relinked = (await session.scalars(links.order_by(RememberedLinkRow.number))).all()
        return RelinksOfEnded(relinked, await _corrections(session, place))


async def _corrections(session: DatabaseSession, place: CasePlace) -> Sequence[TimelineEntry]:
    entry = AuditRow
    of_part = (entry.case_no == place.case_no, entry.part == place.part)
    ends = or_(entry.action.startswith(CLOSED), entry.action.startswith(NO_LONGER_OPEN))
    end = select(func.max(entry.sequence)).where(*of_part, ends).scalar_subquery()
    since = select(entry).where(*of_part, entry.sequence > end, entry.action == RELINK_CORRECTED)
    rows = await session.scalars(since.order_by(entry.sequence))
    return [TimelineEntry(at=row.happened_at, text=_said(row)) for row in rows]


def _said(row: AuditRow) -> str:
    facts, who = row.facts, Actor.recorded(row.by).shown
    service = f"{link_label(LinkKind(facts['kind']), facts['link'])}の" if facts else ""
    return f"{service}{RELINK_CORRECTED}（{who}：{row.reason}）"
