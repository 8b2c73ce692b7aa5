"""The worklist in Postgres: how many cases each list has, and the page of one that is looked at, most urgent first.

Both read nothing but the index of the worklist; only the cases of the page itself are then looked up.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select, true

from models.backoffice.case_names import CaseNames
from models.backoffice.case_places import CasePlace
from models.backoffice.store.case_presence import open_case, open_with
from models.backoffice.store.case_subjects import about
from models.backoffice.worklist import PAGE_SIZE, ListedCase, WorkList, WorklistFilter
from models.common.calendar import day_in_japan
from models.common.store.operators import names_of_operators
from models.common.store.sessions import DatabaseSession, DatabaseSessions
from models.tables import CaseStatusRow, OperatorRow

_ROW = CaseStatusRow
_LISTED = _ROW.urgency.is_not(None)
_NEXT_CASE = 7_000_016_007
"""The lock under which the next case is chosen."""
_OPERATOR_TURN = _ROW.urgency == 0
_ORDER = (_ROW.urgency, _ROW.urgent_on, _ROW.since, _ROW.case_no, _ROW.part)


@dataclass(frozen=True)
class WorklistPage:
    """Some cases of a list, and how many it has in all."""

    cases: Sequence[ListedCase]
    total: int
    page: int
    """Counted from 1."""

    @property
    def pages(self) -> int:
        return max(-(-self.total // PAGE_SIZE), 1)


class Worklist:
    """Reads the lists for one operator, by the handle that cases know them by."""

    def __init__(self, sessions: DatabaseSessions) -> None:
        self._sessions = sessions

    async def counts(self, operator: str) -> Mapping[WorkList, int]:
        """Return how many cases each list has."""
        counted = [func.count().filter(_in_list(list_, operator)).label(list_.value) for list_ in WorkList]
        async with self._sessions() as session:
            row = (await session.execute(select(*counted).where(_LISTED))).one()
        return {list_: row[number] for number, list_ in enumerate(WorkList)}

    async def page(
        self, filter_: WorklistFilter, operator: OperatorRow, now: datetime, page: int = 1, size: int = PAGE_SIZE
    ) -> WorklistPage:
        """Return a page of what a filter asks for."""
        async with self._sessions() as session:
            conditions = _conditions(filter_, operator.handle, day_in_japan(now))
            total = await session.scalar(select(func.count()).select_from(_ROW).where(conditions)) or 0
            page = min(max(page, 1), max(-(-total // size), 1))
            keys = select(_ROW.case_no, _ROW.part).where(conditions).order_by(*_ORDER)
            some = keys.limit(size).offset((page - 1) * size).subquery()
            wanted = and_(_ROW.case_no == some.c.case_no, _ROW.part == some.c.part)
            rows = await session.scalars(select(_ROW).join(some, wanted).order_by(*_ORDER))
            cases = await described(session, rows.all())
            return WorklistPage(await _with_colleagues(session, cases, operator, now), total, page)

    async def count(self, filter_: WorklistFilter, operator: str, today: date) -> int:
        """Return how many cases a filter asks for."""
        async with self._sessions() as session:
            counted = select(func.count()).select_from(_ROW).where(_conditions(filter_, operator, today))
            return await session.scalar(counted) or 0

    async def first(self, filter_: WorklistFilter, operator: str, today: date, most: int) -> Sequence[ListedCase]:
        """Return the most urgent cases that a filter asks for."""
        rows = select(_ROW).where(_conditions(filter_, operator, today)).order_by(*_ORDER).limit(most)
        async with self._sessions() as session:
            return await described(session, (await session.scalars(rows)).all())

    async def open_next(
        self, operator: OperatorRow, now: datetime, *, but_not: CasePlace | None = None
    ) -> ListedCase | None:
        """Return the case to do next: an operator's turn, one's own or nobody's, which no colleague has open.

        From then on the operator has it open: of two who ask at once, each gets another.
        """
        mine_or_free = or_(_ROW.assignee == operator.handle, _ROW.assignee.is_(None))
        fitting = select(_ROW).where(_OPERATOR_TURN, mine_or_free)
        if but_not:
            fitting = fitting.where(or_(_ROW.case_no != but_not.case_no, _ROW.part != but_not.part))
        async with self._sessions.begin() as session:
            await session.execute(select(func.pg_advisory_xact_lock(_NEXT_CASE)))
            rows = (await session.scalars(fitting.order_by(*_ORDER).limit(PAGE_SIZE))).all()
            cases = await _with_colleagues(session, await described(session, rows), operator, now)
            case = next((each for each in cases if not each.open_with), None)
            if case:
                await open_case(session, case.key.case_no, operator, now)
        return case

    async def keys(self, filter_: WorklistFilter, operator: str, now: datetime, most: int) -> Sequence[CasePlace]:
        """Return the most urgent cases of a list, for what is done with many at once."""
        async with self._sessions() as session:
            conditions = _conditions(filter_, operator, day_in_japan(now))
            rows = select(_ROW.case_no, _ROW.part).where(conditions).order_by(*_ORDER).limit(most)
            return [CasePlace(*row) for row in await session.execute(rows)]

    async def case(self, key: CasePlace) -> ListedCase | None:
        """Return one case, listed or not."""
        async with self._sessions() as session:
            row = await session.get(_ROW, key)
            return None if row is None else (await described(session, [row]))[0]

    async def awaiting_approval(self) -> int:
        """Return how many cases wait for a supervisor."""
        waiting = select(func.count()).select_from(_ROW).where(_ROW.awaits_approval, _ROW.outcome.is_(None))
        async with self._sessions() as session:
            return await session.scalar(waiting) or 0


async def described(session: DatabaseSession, rows: Sequence[CaseStatusRow]) -> list[ListedCase]:
    """Return rows as lines of a list, with whom they are about, and what who is in charge is called."""
    subjects, names = await about(session, rows), CaseNames(operators=await names_of_operators(session))
    nobody = ("", "")
    return [
        _case(row, names)
        .about(*subjects.get(CasePlace(row.case_no, row.part), nobody))
        .led_by(names.operators.get(row.assignee or "", row.assignee or ""))
        for row in rows
    ]


async def _with_colleagues(
    session: DatabaseSession, cases: Sequence[ListedCase], operator: OperatorRow, now: datetime
) -> list[ListedCase]:
    names = await open_with(session, {each.key.case_no for each in cases}, operator, now)
    return [each.seen_by(names.get(each.key.case_no, ())) for each in cases]


def _case(row: CaseStatusRow, names: CaseNames) -> ListedCase:
    same: dict[str, Any] = {
        name: getattr(row, name)
        for name in ("procedure", "workflow_id", "stage", "waiting_for", "until", "due_on", "assignee", "outcome")
    }
    marks = {name: getattr(row, name) for name in ("overdue", "held", "failing", "undelivered", "awaits_approval")}
    key, since, points = CasePlace(row.case_no, row.part), day_in_japan(row.since), tuple(map(names.named, row.points))
    return ListedCase(key=key, since=since, points=points, **same, **marks)


def _in_list(list_: WorkList, operator: str) -> ColumnElement[bool]:
    conditions: dict[WorkList, ColumnElement[bool]] = {
        WorkList.MINE: _ROW.assignee == operator,
        WorkList.TURN: _OPERATOR_TURN,
        WorkList.UNASSIGNED: _ROW.assignee.is_(None),
        WorkList.ALL: true(),
        # The due date is that of the notice: it says nothing about cases that have theirs (Y11).
        WorkList.OVERDUE: and_(_ROW.overdue, _ROW.due_on.is_not(None)),
        WorkList.FAILING: _ROW.failing.is_(True),
        WorkList.ON_HOLD: _ROW.held.is_(True),
        WorkList.APPROVAL: _ROW.awaits_approval.is_(True),
        WorkList.UNDELIVERED: _ROW.undelivered.is_(True),
    }
    return conditions[list_]


def _conditions(filter_: WorklistFilter, operator: str, today: date) -> ColumnElement[bool]:
    conditions = [_LISTED, _in_list(filter_.show, operator)]
    if filter_.procedure:
        conditions.append(_ROW.procedure == filter_.procedure)
    if filter_.stage:
        conditions.append(_ROW.stage == filter_.stage)
    if filter_.waiting:
        conditions.append(_ROW.waiting_for == filter_.waiting)
    if filter_.within is not None:
        conditions.append(_ROW.urgent_on <= today + timedelta(days=filter_.within))
    if filter_.who:
        conditions.append(_ROW.assignee == filter_.who)
    return and_(*conditions)
