"""Applications and refused forms that are stored and whose workflows are not started yet."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import select, update

from models.common.store.sessions import DatabaseSessions
from models.tables import ApplicationOfficeRow, ApplicationRow, RefusedFormRow


async def applications_to_start(sessions: DatabaseSessions) -> Sequence[str]:
    """Return the numbers of the applications that wait, the oldest first."""
    async with sessions() as session:
        waiting = select(ApplicationRow.application_no).where(ApplicationRow.started_at.is_(None))
        return (await session.scalars(waiting.order_by(ApplicationRow.applied_at))).all()


async def application_of(
    sessions: DatabaseSessions, application_no: str
) -> tuple[ApplicationRow, Sequence[ApplicationOfficeRow]]:
    """Return the application and its offices in the order of the form."""
    async with sessions() as session:
        row = await session.get_one(ApplicationRow, application_no)
        offices = select(ApplicationOfficeRow).where(ApplicationOfficeRow.application_no == application_no)
        return row, (await session.scalars(offices.order_by(ApplicationOfficeRow.office_no))).all()


async def mark_application_started(sessions: DatabaseSessions, application_no: str) -> None:
    async with sessions.begin() as session:
        this = update(ApplicationRow).where(
            ApplicationRow.application_no == application_no, ApplicationRow.started_at.is_(None)
        )
        await session.execute(this.values(started_at=datetime.now(UTC)))


async def refused_forms_to_start(sessions: DatabaseSessions) -> Sequence[int]:
    """Return the numbers of the kept forms that the operators do not know of yet, the oldest first."""
    async with sessions() as session:
        waiting = select(RefusedFormRow.form_no).where(
            RefusedFormRow.started_at.is_(None), RefusedFormRow.settled_at.is_(None)
        )
        return (await session.scalars(waiting.order_by(RefusedFormRow.form_no))).all()


async def mark_refused_form_started(sessions: DatabaseSessions, form_no: int) -> None:
    async with sessions.begin() as session:
        this = update(RefusedFormRow).where(RefusedFormRow.form_no == form_no)
        await session.execute(this.values(started_at=datetime.now(UTC)))
