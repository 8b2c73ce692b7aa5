"""Ending the links to a case: the next one has a number of its own."""

from datetime import datetime

from models.common.journal import EndedKind
from models.common.store.audit import audit
from models.common.store.journalling import journal_end
from models.common.store.sessions import DatabaseSession
from models.tables import ApplicationOfficeRow, ApplicationRow
from models.yayoi.customer_events import ON_A_PAGE
from models.yayoi.customers import applicant

ENDED = "お手続きの画面のリンクを無効にした"


async def next_link(session: DatabaseSession, application_no: str, office_no: int | None) -> int:
    """End the link of an application, or of one of its pairs, and return the number of the next one."""
    row = await _row(session, application_no, office_no)
    await _end(session, row)
    return row.link_no


async def end_link(
    session: DatabaseSession, application_no: str, office_no: int | None, link_no: int, *, at: datetime
) -> None:
    """End the link of this number, as whoever holds it has asked for; one that was ended before stays so."""
    row = await _row(session, application_no, office_no)
    if row.link_no == link_no:
        await _end(session, row)
        by = str(applicant(application_no, office_no))
        audit(session, application_no, ENDED, by=by, at=at, part=office_no, reason=ON_A_PAGE)


async def _end(session: DatabaseSession, row: ApplicationRow | ApplicationOfficeRow) -> None:
    """Let the next number be the valid one."""
    part = f"/{row.office_no}" if isinstance(row, ApplicationOfficeRow) else ""
    row.link_no += 1
    await journal_end(session, EndedKind.CASE_LINK, f"{row.application_no}{part}", str(row.link_no))


async def _row(
    session: DatabaseSession, application_no: str, office_no: int | None
) -> ApplicationRow | ApplicationOfficeRow:
    if office_no is None:
        return await session.get_one(ApplicationRow, application_no, with_for_update=True)
    return await session.get_one(ApplicationOfficeRow, (application_no, office_no), with_for_update=True)
