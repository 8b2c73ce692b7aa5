"""The figures of the overview, from the status rows, the stages, the operators and the audit trail."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import Interval, cast, func, select

from models.backoffice.overview import (
    AGE_NAMES,
    DUE_DAYS,
    LOOKED_BACK,
    ActsOfDay,
    DueDay,
    EndCount,
    Overview,
    StageAges,
    StageLength,
    age_class,
)
from models.common.actors import Actor, ActorKind
from models.common.calendar import JST, BusinessCalendar, day_in_japan, end_of
from models.common.operators import Role
from models.common.store.sessions import DatabaseSession, DatabaseSessions
from models.tables import AuditRow, CaseStageRow, CaseStatusRow, OperatorRow

_ROW, _STAGE = CaseStatusRow, CaseStageRow
_LISTED = _ROW.urgency.is_not(None)
_A_DAY = 86_400
"""Seconds."""
_CASE_ROLES = {Role.CASEWORKER.value, Role.SUPERVISOR.value}


class OverviewFigures:
    """Reads them."""

    def __init__(self, sessions: DatabaseSessions, calendar: BusinessCalendar, now: Callable[[], datetime]) -> None:
        self._sessions = sessions
        self._calendar = calendar
        self._now = now

    async def read(self) -> Overview:
        now = self._now()
        today = day_in_japan(now)
        async with self._sessions() as session:
            overdue, due = await self._due(session, today)
            return Overview(
                ages=await _ages(session, today),
                lengths=await _lengths(session, now),
                overdue=overdue,
                due=due,
                ends=await _ends(session, now),
                acts=await _acts(session, today),
            )

    async def _due(self, session: DatabaseSession, today: date) -> tuple[int, list[DueDay]]:
        last = today + timedelta(days=DUE_DAYS - 1)
        counted = select(_ROW.due_on, func.count()).where(_LISTED, _ROW.due_on <= last).group_by(_ROW.due_on)
        due = {day: count for day, count in await session.execute(counted) if day}
        there = select(OperatorRow).where(OperatorRow.removed_at.is_(None), OperatorRow.takes_cases)
        operators = [each for each in await session.scalars(there) if not _CASE_ROLES.isdisjoint(each.roles)]
        days = [today + timedelta(days=number) for number in range(DUE_DAYS)]
        shown = [self._day(day, due.get(day, 0), operators) for day in days]
        overdue = sum(count for day, count in due.items() if day < today)
        return overdue, [each for each in shown if each.business_day or each.due]

    def _day(self, day: date, due: int, operators: Sequence[OperatorRow]) -> DueDay:
        works = self._calendar.is_business_day(day)
        capacity = sum(each.capacity for each in operators if not each.is_on_leave(day)) if works else 0
        return DueDay(day, due, capacity, works)


async def _ages(session: DatabaseSession, today: date) -> list[StageAges]:
    day = func.date(func.timezone(str(JST), _ROW.since))
    counted = select(_ROW.procedure, _ROW.stage, day, func.count()).where(_LISTED)
    found: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0] * len(AGE_NAMES))
    for procedure, stage, since, count in await session.execute(counted.group_by(_ROW.procedure, _ROW.stage, day)):
        found[procedure, stage][age_class((today - since).days)] += count
    ages = [StageAges(procedure, stage, tuple(cases)) for (procedure, stage), cases in found.items()]
    return sorted(ages, key=lambda each: (-each.total, each.procedure, each.stage))


async def _lengths(session: DatabaseSession, now: datetime) -> list[StageLength]:
    """Measure stages that were entered since `LOOKED_BACK` and left; an early exit's are no part of the story."""
    left = func.lead(_STAGE.entered_at).over(partition_by=(_STAGE.case_no, _STAGE.part), order_by=_STAGE.entered)
    each = (
        select(_STAGE.case_no, _STAGE.part, _STAGE.stage, (left - _STAGE.entered_at).label("length"))
        .where(_STAGE.entered_at > now - LOOKED_BACK, ~_STAGE.undoing)
        .subquery()
    )
    seconds = func.extract("epoch", cast(each.c.length, Interval))
    shares = [func.percentile_cont(share).within_group(seconds) for share in (0.5, 0.9)]
    measured = (
        select(_ROW.procedure, each.c.stage, func.count(), *shares)
        .join(each, (each.c.case_no == _ROW.case_no) & (each.c.part == _ROW.part))
        .where(each.c.length.is_not(None))
        .group_by(_ROW.procedure, each.c.stage)
        .order_by(shares[0].desc(), _ROW.procedure, each.c.stage)
    )
    return [
        StageLength(procedure, stage, count, float(median) / _A_DAY, float(ninth) / _A_DAY)
        for procedure, stage, count, median, ninth in await session.execute(measured)
    ]


async def _ends(session: DatabaseSession, now: datetime) -> list[EndCount]:
    ended = (_ROW.outcome.is_not(None), _ROW.changed_at > now - LOOKED_BACK)
    counted = select(_ROW.procedure, _ROW.outcome, func.count()).where(*ended).group_by(_ROW.procedure, _ROW.outcome)
    order = (_ROW.procedure, func.count().desc(), _ROW.outcome)
    rows = await session.execute(counted.order_by(*order))
    return [EndCount(procedure, str(outcome), cases) for procedure, outcome, cases in rows]


async def _acts(session: DatabaseSession, today: date) -> list[ActsOfDay]:
    """Count the entries of the audit trail that were written today and name a person's act."""
    begins = end_of(today - timedelta(days=1))
    counted = select(AuditRow.by, AuditRow.action, func.count()).where(AuditRow.recorded_at >= begins)
    by_whom: dict[str, Counter[str]] = defaultdict(Counter)
    for by, action, count in await session.execute(counted.group_by(AuditRow.by, AuditRow.action)):
        if by.startswith(f"{ActorKind.OPERATOR}:"):
            by_whom[by][action.partition("：")[0]] += count
    operators = {
        f"{ActorKind.OPERATOR}:{each.handle}": each.name for each in await session.scalars(select(OperatorRow))
    }
    acts = [
        ActsOfDay(operators.get(by, Actor.recorded(by).shown), counts.most_common()) for by, counts in by_whom.items()
    ]
    return sorted(acts, key=lambda each: (-each.total, each.by))
