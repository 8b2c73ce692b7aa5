"""The status rows of an application, and the worklist that is read from them, beside what its workflows know."""

from datetime import date
from typing import Any

from models.backoffice.case_places import CasePlace
from models.backoffice.store.worklist_rows import Worklist
from models.backoffice.worklist import WorkList, WorklistFilter
from models.common.store.case_status import status_of, statuses_of_parts
from models.common.store.sessions import DatabaseSession
from models.common.waiting_for import WaitingFor
from models.yayoi.identifiers import ApplicationNo
from models.yayoi.messages import OfficeProgress
from tests.support.environment import Case

OPERATOR_WITH_CASES = "sk"
_MANY = 10_000


async def status_rows_say_what_the_procedures_are(case: Case) -> None:
    """Of each office, once nothing is under way: what pages and the worklist read is what the workflow knows."""
    async with case.environment.sessions() as session:
        numbers = list(await statuses_of_parts(session, case.application_no))
    known = {}
    for number in numbers:
        await case.settled(number)
        known[number] = await case.progress(number)
        async with case.environment.sessions() as session:
            await row_says(session, case.application_no, known[number])
    await _worklist_says(case, known)


async def row_says(session: DatabaseSession, application_no: ApplicationNo, known: OfficeProgress) -> None:
    """Compare an office's row with what its workflow answers."""
    row = await status_of(session, application_no, known.office_no)
    assert row is not None
    assert (row.stage, row.waiting_for, row.until, row.assignee, row.outcome) == (
        *(known.stage, known.waiting_for, known.waits_until, known.assignee, known.outcome),
    )
    assert (row.held, row.overdue, row.failing, tuple(row.points)) == (
        *(known.held, known.overdue, known.failing, known.open_points),
    )
    assert (row.due_on, row.undelivered, row.awaits_approval) == (
        *(known.due_on, known.undelivered, known.awaits_approval),
    )


async def _worklist_says(case: Case, known: dict[int, OfficeProgress]) -> None:
    """Each list has the offices that belong in it, the most urgent first, and counts as many as it has."""
    worklist = Worklist(case.environment.sessions)
    counts = await worklist.counts(OPERATOR_WITH_CASES)
    for list_ in WorkList:
        asked = WorklistFilter(show=list_)
        keys = await worklist.keys(asked, OPERATOR_WITH_CASES, await case.now(1), _MANY)
        assert counts[list_] == len(keys), list_
        shown = [key for key in keys if key.case_no == case.application_no and key.part]
        belonging = [each for each in known.values() if each.outcome is None and _belongs(each, list_)]
        assert shown == [CasePlace(case.application_no, each.office_no) for each in sorted(belonging, key=_urgency)], (
            list_
        )


def _belongs(known: OfficeProgress, list_: WorkList) -> bool:
    return {
        WorkList.MINE: known.assignee == OPERATOR_WITH_CASES,
        WorkList.TURN: _is_operator_turn(known),
        WorkList.UNASSIGNED: known.assignee is None,
        WorkList.ALL: True,
        WorkList.OVERDUE: known.overdue and known.due_on is not None,
        WorkList.FAILING: known.failing,
        WorkList.ON_HOLD: known.held,
        WorkList.APPROVAL: known.awaits_approval,
        WorkList.UNDELIVERED: known.undelivered,
    }[list_]


def _urgency(known: OfficeProgress) -> tuple[Any, ...]:
    """An operator's turn first, then by the first day on which something is due."""
    days = [day for day in (known.due_on, known.waits_until) if day]
    return (not _is_operator_turn(known), min(days, default=date.max))


def _is_operator_turn(known: OfficeProgress) -> bool:
    return known.waiting_for is WaitingFor.OPERATOR and not known.held
