"""Offices whose procedure has ended: what is recorded of them, and what was recorded since (Y21, Y25)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, or_, select

from models.backoffice.case_places import CasePlace
from models.common.actors import Actor
from models.common.messages import TimelineEntry
from models.common.possible_operations import CaseNow
from models.common.store.case_status import status_of
from models.common.store.sessions import DatabaseSession, DatabaseSessions
from models.tables import AuditRow, CaseStatusRow
from models.yayoi.application_form import MAX_OFFICES
from models.yayoi.follow_up import FollowUp
from models.yayoi.identifiers import ApplicationNo
from models.yayoi.messages import OfficeRef
from models.yayoi.procedures import OFFICE_WORKFLOW, SetUpStep
from models.yayoi.service_links import LinkKind, link_label
from models.yayoi.store.after_closing import CLOSED, NO_LONGER_OPEN
from models.yayoi.store.ended_records import EndedRecords, records_of_ended

_ALL_DONE = "手続きは終了しました。操作は不要です。"
_STILL_OPEN = "手続きは終了しました。お客様から連絡があれば、次の項目の完了を記録してください。"
_RULES = {"Y21", *(step.rule for step in SetUpStep)}
"""What the customer does after the notice, as the audit trail names its rules."""


@dataclass(frozen=True)
class EndedOfficeOnDesk:
    """What is kept of one that was not undone."""

    follow_up: FollowUp
    relinked_on: Mapping[int, date]
    """The recorded day of each re-link, by the number of its link."""
    now: CaseNow
    """Where it is, as its workflow would say that may be gone by now; nothing is possible in it."""
    recorded: Sequence[TimelineEntry]
    """What the history of its workflow does not say, since it had ended before."""


async def ended_office_on_desk(sessions: DatabaseSessions, place: CasePlace) -> EndedOfficeOnDesk | None:
    """Return it; None while its procedure goes on, or where all was taken back."""
    if place.part > MAX_OFFICES:  # no database can be asked for any number
        return None
    try:
        pair = OfficeRef(case_no=ApplicationNo(place.case_no), part=place.part)
    except ValueError:
        return None
    async with sessions() as session:
        ended, status = await records_of_ended(session, pair), await status_of(session, *place)
        if ended is None or status is None:
            return None
        days = {link.number: link.relinked_on for link in ended.links if link.relinked_on}
        return EndedOfficeOnDesk(
            ended.follow_up, days, _now(ended, status, pair), await _recorded_since(session, place)
        )


def _now(ended: EndedRecords, status: CaseStatusRow, pair: OfficeRef) -> CaseNow:
    return CaseNow(
        workflow_type=OFFICE_WORKFLOW,
        run_id=status.first_run_id or "",
        version=status.version,
        title=f"{ended.office.office_name}（{pair.spoken}）",
        stage=str(ended.office.outcome),
        next_step=_STILL_OPEN if ended.follow_up.open_points else _ALL_DONE,
        problems=ended.follow_up.open_points,
    )


async def _recorded_since(session: DatabaseSession, place: CasePlace) -> Sequence[TimelineEntry]:
    entry = AuditRow
    of_part = (entry.case_no == place.case_no, entry.part == place.part)
    ends = or_(entry.action.startswith(CLOSED), entry.action.startswith(NO_LONGER_OPEN))
    end = select(func.max(entry.sequence)).where(*of_part, ends).scalar_subquery()
    since = select(entry).where(*of_part, entry.sequence > end, entry.rule.in_(_RULES))
    rows = await session.scalars(since.order_by(entry.sequence))
    return [TimelineEntry(at=row.happened_at, text=_said(row)) for row in rows]


def _said(row: AuditRow) -> str:
    facts, who = row.facts, Actor.recorded(row.by).shown
    service = f"{link_label(LinkKind(facts['kind']), facts['link'])}：" if facts and "link" in facts else ""
    return f"{service}{row.action}（{who}：{row.reason}）"
