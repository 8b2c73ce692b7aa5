"""Events as they are stored: under their own ids, bound to a case, in the order in which they came."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, exists, select, update
from sqlalchemy.dialects.postgresql import insert

from models.common.actors import Actor
from models.common.commitments import new_salt
from models.common.store.sessions import DatabaseSessions
from models.tables import AuditRow, EventRow
from models.yayoi.customer_events import AnyEvent
from models.yayoi.store.event_cases import CaseRefusedError, UnknownCaseError, find_case


class OtherEventError(Exception):
    """The event id was used before, with other content."""


class EventRefusedError(Exception):
    """The event cannot take effect; the text says why, in Japanese."""


async def store_event(sessions: DatabaseSessions, event: AnyEvent, actor: Actor) -> EventRow:
    """Store and bind to a case in one transaction, so that whatever is neither delivered nor refused has a case.

    `actor` is who sent it; the first to send it counts.

    Raises `OtherEventError`, `UnknownCaseError` and `EventRefusedError`; what is refused is stored with the reason.
    """
    payload = event.model_dump(mode="json")
    digest = hashlib.sha256(event.model_dump_json(exclude={"event_id"}).encode()).hexdigest()
    refusal: UnknownCaseError | CaseRefusedError | None = None
    async with sessions.begin() as session:
        await session.execute(
            insert(EventRow)
            .values(
                event_id=event.event_id,
                digest=digest,
                kind=event.kind,
                payload=payload,
                sent_by=str(actor),
                salt=new_salt(),
            )
            .on_conflict_do_nothing(index_elements=[EventRow.event_id])
        )
        row = await session.get_one(EventRow, event.event_id, with_for_update=True)
        if row.digest != digest:
            raise OtherEventError
        if row.delivered_at is None:
            row.refused_because = row.unreported_since = None
            if row.application_no is None:
                try:
                    row.application_no, row.office_no = await find_case(session, event)
                except (UnknownCaseError, CaseRefusedError) as error:
                    refusal = error
                    row.refused_because = str(error)
    if isinstance(refusal, UnknownCaseError):
        raise refusal
    if refusal is not None:
        raise EventRefusedError(str(refusal))
    return row


async def stored_event(sessions: DatabaseSessions, event_id: UUID) -> EventRow:
    async with sessions() as session:
        return await session.get_one(EventRow, event_id)


async def was_delivered(sessions: DatabaseSessions, event_id: UUID) -> bool:
    async with sessions() as session:
        event = await session.get(EventRow, event_id)
        return event is not None and event.delivered_at is not None


async def offices_with_pending_events(sessions: DatabaseSessions) -> Sequence[tuple[str, int]]:
    """Return application number and office number of each office for which events wait."""
    async with sessions() as session:
        offices = await session.execute(select(EventRow.application_no, EventRow.office_no).where(*_PENDING).distinct())
        return [(str(application_no), int(office_no or 0)) for application_no, office_no in offices]


async def pending_events(sessions: DatabaseSessions, application_no: str, office_no: int) -> Sequence[EventRow]:
    """Return what waits for one office, the oldest first."""
    of_this_office = (EventRow.application_no == application_no, EventRow.office_no == office_no)
    async with sessions() as session:
        waiting = select(EventRow).where(*_PENDING, *of_this_office)
        return (await session.scalars(waiting.order_by(EventRow.received_at, EventRow.event_id))).all()


async def record_delivery(
    sessions: DatabaseSessions, event_id: UUID, refused_because: str | None, *, answered: bool
) -> None:
    """Write what became of an event; of two deliveries at once, the first counts.

    `answered`: its sender waits for this answer, and gets it.
    """
    now = datetime.now(UTC)
    outcome: dict[str, Any] = {"delivered_at": now}
    if refused_because:
        again = EventRow.refusals + 1
        outcome = {"refused_because": refused_because, "refusals": again, "unreported_since": None if answered else now}
    async with sessions.begin() as session:
        await session.execute(
            update(EventRow)
            .where(EventRow.event_id == event_id, EventRow.delivered_at.is_(None), EventRow.refused_because.is_(None))
            .values(**outcome)
        )


async def took_effect(sessions: DatabaseSessions, event_id: UUID) -> bool:
    """Say whether a step has taken effect that this event asked for, whatever became of its procedure since.

    Its audit row was committed with it.
    """
    own = str(event_id)  # sent again after a refusal it has a number as well
    effect = (AuditRow.update_id == own) | AuditRow.update_id.startswith(f"{own}.")
    async with sessions() as session:
        event = await session.get_one(EventRow, event_id)
        of_this_case = (AuditRow.case_no == event.application_no, AuditRow.part == event.office_no)
        return bool(await session.scalar(select(exists().where(*of_this_case, effect))))


async def count_failure(sessions: DatabaseSessions, event_id: UUID) -> None:
    """Note that the update failed on its way: the next one is another to Temporal, which answers no update twice."""
    async with sessions.begin() as session:
        await session.execute(
            update(EventRow).where(EventRow.event_id == event_id).values(refusals=EventRow.refusals + 1)
        )


async def mark_answered(sessions: DatabaseSessions, event_id: UUID) -> None:
    """Write that the sender of a refused event has the answer: the operators' desk need not know of it."""
    async with sessions.begin() as session:
        await session.execute(update(EventRow).where(EventRow.event_id == event_id).values(unreported_since=None))


_PENDING: tuple[ColumnElement[bool], ...] = (
    EventRow.application_no.is_not(None),
    EventRow.delivered_at.is_(None),
    EventRow.refused_because.is_(None),
)
