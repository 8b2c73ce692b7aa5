"""Deadlines that an operator has moved: one mail says to the applicant all that were moved together (Y27)."""

from collections.abc import Sequence

from sqlalchemy import select

from models.common.store.case_status import statuses_of_parts
from models.common.store.sessions import DatabaseSession
from models.tables import ApplicationOfficeRow, ApplicationRow
from models.yayoi.early_exits import EXPIRING
from models.yayoi.procedures import Stage
from models.yayoi.store.confirmations import unconfirmed_parts


async def plan_deadline_mail(session: DatabaseSession, application_no: str, office_no: int, key: str) -> str | None:
    """Return the key of the mail that says the deadline of an office, as it is now.

    If no mail has said it yet it is the one of this key, which then says all others of the application that no mail
    has said. None: the deadline is as the applicant knows it, or nobody is waited for any more.
    """
    application = await session.get_one(ApplicationRow, application_no, with_for_update=True)
    statuses = await statuses_of_parts(session, application_no)
    silent = await unconfirmed_parts(session, application_no)
    offices = select(ApplicationOfficeRow).filter_by(application_no=application_no)
    unsaid = {}
    for office in await session.scalars(offices.where(ApplicationOfficeRow.closed_at.is_(None))):
        status = statuses[office.office_no]
        waits = Stage(status.stage) in EXPIRING and status.ending is None and office.office_no not in silent
        if waits and status.until not in {None, office.deadline_mailed or application.expires_on}:
            unsaid[office] = status.until
    own = await session.get_one(ApplicationOfficeRow, (application_no, office_no))
    if own in unsaid:
        for office, until in unsaid.items():
            office.deadline_mailed, office.deadline_mailed_as = until, key
    return own.deadline_mailed_as


async def moved_with(session: DatabaseSession, application_no: str, office_no: int) -> Sequence[ApplicationOfficeRow]:
    """Return all offices whose deadline is said by the same mail as this one's; none before such a mail is planned."""
    own = await session.get_one(ApplicationOfficeRow, (application_no, office_no))
    same = ApplicationOfficeRow.deadline_mailed_as == (own.deadline_mailed_as or "")
    together = select(ApplicationOfficeRow).filter_by(application_no=application_no).where(same)
    return (await session.scalars(together.order_by(ApplicationOfficeRow.office_no))).all()
