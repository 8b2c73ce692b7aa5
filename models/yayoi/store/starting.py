"""Applications and refused forms that are stored and whose workflows are not started yet."""

from collections.abc import Sequence

from sqlalchemy import select

from models.common.acting import SYSTEM
from models.common.calendar import utc_now
from models.common.store.audit import audit
from models.common.store.sessions import DatabaseSessions
from models.common.store.starting import keys_to_start, mark_started
from models.tables import ApplicationOfficeRow, ApplicationRow, RefusedFormRow

STRANGER_REPLACED = "システム以外の人がこの申込の番号で始めていた手続きを終了させ、手続きを始め直した"
"""In the audit trail of an application."""


async def applications_to_start(sessions: DatabaseSessions) -> Sequence[str]:
    """Return the numbers of the applications that wait, the oldest first."""
    not_given_up = ApplicationRow.closed_at.is_(None)
    return await keys_to_start(sessions, ApplicationRow.application_no, ApplicationRow.applied_at, not_given_up)


async def application_of(
    sessions: DatabaseSessions, application_no: str
) -> tuple[ApplicationRow, Sequence[ApplicationOfficeRow]]:
    """Return the application and its offices in the order of the form."""
    async with sessions() as session:
        row = await session.get_one(ApplicationRow, application_no)
        offices = select(ApplicationOfficeRow).where(ApplicationOfficeRow.application_no == application_no)
        return row, (await session.scalars(offices.order_by(ApplicationOfficeRow.office_no))).all()


async def mark_application_started(sessions: DatabaseSessions, application_no: str, *, replaced: bool = False) -> None:
    """Note that it was started; `replaced`: in the place of what a stranger had started under its id."""
    if replaced:
        async with sessions.begin() as session:
            audit(session, application_no, STRANGER_REPLACED, by=SYSTEM, at=utc_now())
    await mark_started(sessions, ApplicationRow.application_no, application_no)


async def refused_forms_to_start(sessions: DatabaseSessions) -> Sequence[int]:
    """Return the numbers of the kept forms that the operators do not know of yet, the oldest first."""
    form_no = RefusedFormRow.form_no
    return await keys_to_start(sessions, form_no, form_no, RefusedFormRow.settled_at.is_(None))


async def mark_refused_form_started(sessions: DatabaseSessions, form_no: int) -> None:
    await mark_started(sessions, RefusedFormRow.form_no, form_no)
