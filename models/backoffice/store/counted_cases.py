"""Counting all cases for those who run the program, in one look at the database."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Select, case, func, select

from models.backoffice.case_figures import (
    COUNTED_BACK,
    STAGES,
    CaseFigures,
    MailState,
    ProcedureFigures,
    labels_of,
)
from models.common.calendar import JST
from models.common.store.sessions import DatabaseSession, DatabaseSessions
from models.tables import ApplicationRow, CaseStatusRow, EventRow, HeldCaseRow, NoticeRow
from models.webhooks.messages import DELIVERY_WORKFLOW, WebhookStage
from models.yayoi.mails import MailKind

_ROW, _MAIL = CaseStatusRow, NoticeRow
_PERCENTILES = {"50": 0.5, "90": 0.9}


class CountedCases:
    """Reads the figures."""

    def __init__(self, sessions: DatabaseSessions, now: Callable[[], datetime]) -> None:
        self._sessions = sessions
        self._now = now

    async def read(self) -> CaseFigures:
        now = self._now()
        async with self._sessions() as session:
            waiting, dead_letters = await _waiting(session)
            unstarted, oldest_form = await _oldest(session, _unstarted_forms(), now)
            events, oldest_event = await _oldest(session, _undelivered_events(), now)
            mails, oldest_mail = await _mails(session, now)
            notices, lengths = await _notices(session, now)
            return CaseFigures(
                waiting=waiting,
                procedures=await _procedures(session),
                mails=mails,
                oldest_pending_mail=oldest_mail,
                unstarted_forms=unstarted,
                oldest_unstarted_form=oldest_form,
                dead_letters=dead_letters,
                undelivered_events=events,
                oldest_undelivered_event=oldest_event,
                notices=notices,
                acceptance_to_notice=lengths,
            )


async def _waiting(session: DatabaseSession) -> tuple[Counter[tuple[str, str, str]], int]:
    counted = select(_ROW.procedure, _ROW.stage, _ROW.waiting_for, func.count()).where(_ROW.outcome.is_(None))
    waiting, dead_letters = Counter[tuple[str, str, str]](), 0
    for procedure, stage, turn, count in await session.execute(
        counted.group_by(_ROW.procedure, _ROW.stage, _ROW.waiting_for)
    ):
        waiting[labels_of(procedure, stage, turn)] += count
        if procedure == DELIVERY_WORKFLOW and stage == WebhookStage.DEAD:
            dead_letters += count
    return waiting, dead_letters


async def _procedures(session: DatabaseSession) -> dict[str, ProcedureFigures]:
    marks = (_ROW.overdue, _ROW.held, _ROW.failing, _ROW.awaits_approval)
    overdue, held, failing, awaiting = (func.count().filter(mark) for mark in marks)
    counted = select(_ROW.procedure, overdue, held, failing, awaiting).where(_ROW.outcome.is_(None))
    rows = await session.execute(counted.group_by(_ROW.procedure))
    found = {procedure: ProcedureFigures(*counts) for procedure, *counts in rows}
    return {procedure: found.get(procedure, ProcedureFigures()) for procedure in STAGES}


def _unstarted_forms() -> Select[int, datetime]:
    waits = (ApplicationRow.started_at.is_(None), ApplicationRow.closed_at.is_(None))
    return select(func.count(), func.min(ApplicationRow.applied_at)).where(*waits)


def _undelivered_events() -> Select[int, datetime]:
    waits = (EventRow.delivered_at.is_(None), EventRow.refused_because.is_(None))
    return select(func.count(), func.min(EventRow.received_at)).where(*waits)


async def _oldest(session: DatabaseSession, counted: Select[int, datetime], now: datetime) -> tuple[int, float]:
    count, oldest = (await session.execute(counted)).one()
    return count, _age(oldest, now)


async def _mails(session: DatabaseSession, now: datetime) -> tuple[dict[MailState, int], float]:
    unsent, refused = _MAIL.sent_at.is_(None), _MAIL.refused_because.is_not(None)
    held = _MAIL.case_no.in_(select(HeldCaseRow.case_no))
    pending = unsent & ~refused & ~held
    states = {
        MailState.PENDING: pending,
        MailState.HELD: unsent & ~refused & held,
        MailState.REFUSED: unsent & refused,
        MailState.RETURNED: _MAIL.bounced_at.is_not(None),
    }
    counts = [func.count().filter(state) for state in states.values()]
    oldest = func.min(case((pending, _MAIL.created_at)))
    recent = select(*counts, oldest).where(_MAIL.created_at > now - COUNTED_BACK)
    *found, since = (await session.execute(recent)).one()
    return dict(zip(states, found, strict=True)), _age(since, now)


async def _notices(session: DatabaseSession, now: datetime) -> tuple[dict[bool, int], dict[str, float]]:
    """Compare when the notice went out with what was promised at the acceptance; days are those of Japan."""
    sent_on = func.date(func.timezone(str(JST), _MAIL.sent_at))
    took = func.extract("epoch", _MAIL.sent_at - ApplicationRow.applied_at)
    recent = (
        select(
            func.count().filter(sent_on <= ApplicationRow.due_date),
            func.count().filter(sent_on > ApplicationRow.due_date),
            *(func.percentile_cont(share).within_group(took) for share in _PERCENTILES.values()),
        )
        .join(ApplicationRow, ApplicationRow.application_no == _MAIL.case_no)
        .where(_MAIL.kind == MailKind.COMPLETION_NOTICE, _MAIL.sent_at > now - COUNTED_BACK)
    )
    in_time, late, *lengths = (await session.execute(recent)).one()
    measured = zip(_PERCENTILES, lengths, strict=True)
    return {True: in_time, False: late}, {name: float(each) for name, each in measured if each is not None}


def _age(since: datetime | None, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds()) if since else 0.0
