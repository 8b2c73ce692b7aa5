"""The offices of an application that are late: open, and not notified of a contract ID (Y11)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import exists, select

from models.common.store.case_status import statuses_of_parts
from models.common.store.sessions import DatabaseSession
from models.common.waiting_for import WaitingFor
from models.tables import ApplicationOfficeRow, NoticeRow
from models.yayoi.delays import reasons_of_delay
from models.yayoi.early_exits import EXPIRING
from models.yayoi.mails import MailKind
from models.yayoi.procedures import Stage

NOTICES = (MailKind.COMPLETION_NOTICE, MailKind.LINK_ADDED)


@dataclass(frozen=True)
class LateOffice:
    """One of them: why it is late, and until when that can be solved."""

    office: ApplicationOfficeRow
    points: Sequence[str]
    until: date | None


async def late_offices(session: DatabaseSession, application_no: str) -> list[LateOffice]:
    """Return them in their order, as their rows say."""
    office, notice = ApplicationOfficeRow, NoticeRow
    notified = exists().where(
        notice.case_no == office.application_no,
        notice.part == office.office_no,
        notice.kind.in_(NOTICES),
        notice.sent_at.is_not(None),
    )
    late = select(office).where(office.application_no == application_no, office.closed_at.is_(None), ~notified)
    statuses = await statuses_of_parts(session, application_no)
    return [
        LateOffice(
            each,
            reasons_of_delay(
                Stage(statuses[each.office_no].stage),
                statuses[each.office_no].points,
                notice_undelivered=statuses[each.office_no].waiting_for == WaitingFor.OPERATOR,
            ),
            statuses[each.office_no].until if Stage(statuses[each.office_no].stage) in EXPIRING else None,
        )
        for each in await session.scalars(late.order_by(office.office_no))
    ]
