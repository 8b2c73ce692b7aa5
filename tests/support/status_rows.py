"""The status rows of an application, beside what its workflows know."""

from models.common.store.case_status import status_of, statuses_of_parts
from models.common.store.sessions import DatabaseSession
from models.yayoi.identifiers import ApplicationNo
from models.yayoi.messages import OfficeProgress
from tests.support.environment import Case


async def status_rows_say_what_the_procedures_are(case: Case) -> None:
    """Of each office, once nothing is under way: what pages read is what the workflow knows."""
    async with case.environment.sessions() as session:
        numbers = list(await statuses_of_parts(session, case.application_no))
    for number in numbers:
        await case.settled(number)
        known = await case.progress(number)
        async with case.environment.sessions() as session:
            await row_says(session, case.application_no, known)


async def row_says(session: DatabaseSession, application_no: ApplicationNo, known: OfficeProgress) -> None:
    """Compare an office's row with what its workflow answers."""
    row = await status_of(session, application_no, known.office_no)
    assert row is not None
    assert (row.stage, row.waiting_for, row.until, row.assignee, row.outcome) == (
        *(known.stage, known.waiting_for, known.waits_until, known.assignee, known.outcome),
    )
    assert (row.held, row.overdue, tuple(row.points)) == (known.held, known.overdue, known.open_points)
