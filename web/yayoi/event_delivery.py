"""What other systems report and customers do on the pages of their case, brought to the office's procedure.

It is stored under its event id, then delivered as an update.

An event is bound to the case that is open when it is first understood, and stays bound to it. The update carries the
event id, so that Temporal gives it effect once however often it is sent. An event that was refused is not lost to
later: the same event sent again is tried again, as another update, since a case may have come to exist, or a step's
turn may have come.
Nothing retries a refused event by itself; whoever sent it was told and decides. One that is refused only after it had
been taken as to be delivered later has nobody who waits for the answer: the operators' desk is told of it instead.
"""

import asyncio
import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.client import Client, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError, FailureError
from temporalio.service import RPCError, RPCStatusCode

from models.common.operator_message import ActionMessage
from models.tables import EventRow
from models.yayoi.customer_events import (
    CUSTOMER_PAGES,
    AnyEvent,
    CustomerEvent,
    PairCorrected,
    SharingReleaseClaimed,
    SharingReleaseConsented,
    Withdrawn,
)
from models.yayoi.events import (
    BusinessGroupCreatedEvent,
    OwnedProductRegisteredEvent,
    ProductRegisteredEvent,
    ServiceRelinkedEvent,
    SharingReleasedEvent,
    SupportPasswordSetEvent,
)
from models.yayoi.identifiers import ApplicationNo, office_workflow_id
from models.yayoi.operator_actions import (
    CorrectPair,
    ReleaseSharing,
    ServiceRelinked,
    SetUpStepDone,
    SharingReleased,
    Withdraw,
)
from models.yayoi.procedures import SetUpStep
from models.yayoi.store.event_cases import ENDED, CaseRefusedError, UnknownCaseError, find_case
from web.common.temporal_calls import UnreachableError, temporal_call
from workflows.yayoi.office_data_procedure import OfficeDataProcedure

AT_ONCE = 10
"""For how many offices events are delivered at the same time."""

_UNSAID = "受け付けられませんでした。担当者にお問い合わせください。"
_EVENTS: TypeAdapter[AnyEvent] = TypeAdapter(AnyEvent)
_log = logging.getLogger(__name__)


class EventStatus(StrEnum):
    """What became of an event that was taken."""

    DELIVERED = "delivered"
    ACCEPTED = "accepted"


@dataclass(frozen=True)
class Delivery:
    """To which pair the event went, and whether it is there yet."""

    application_no: ApplicationNo
    office_no: int
    status: EventStatus


class OtherEventError(Exception):
    """The event id was used before, with other content."""


class EventRefusedError(Exception):
    """The event cannot take effect; the text says why, in Japanese."""


class EventDelivery:
    """Takes events and brings them to the procedures, each office's in the order in which they came."""

    def __init__(self, sessions: async_sessionmaker[AsyncSession], client: Client) -> None:
        self._sessions = sessions
        self._client = client

    async def take(self, event: AnyEvent) -> Delivery:
        """Store the event and deliver it; if Temporal or the worker is away it is delivered later.

        Raises `OtherEventError`, `UnknownCaseError` and `EventRefusedError`.
        """
        row = await self._store(event)
        if row.delivered_at is None:
            try:
                await self._deliver_in_time(row.application_no, row.office_no, asking=event.event_id)
            except UnreachableError:
                _log.warning("event %s waits: Temporal or the worker cannot be reached", event.event_id)
        async with self._sessions() as session:
            row = await session.get_one(EventRow, event.event_id)
        if row.refused_because:
            raise EventRefusedError(row.refused_because)
        return Delivery(
            application_no=ApplicationNo(str(row.application_no)),
            office_no=int(row.office_no or 0),
            status=EventStatus.DELIVERED if row.delivered_at else EventStatus.ACCEPTED,
        )

    async def deliver_all(self) -> None:
        """Deliver what was taken but is not there yet."""
        async with self._sessions() as session:
            offices = (
                await session.execute(select(EventRow.application_no, EventRow.office_no).where(*_pending()).distinct())
            ).all()
        for first in range(0, len(offices), AT_ONCE):
            some = offices[first : first + AT_ONCE]
            results = await asyncio.gather(*(self._deliver_in_time(*office) for office in some), return_exceptions=True)
            for (application_no, office_no), result in zip(some, results, strict=True):
                if isinstance(result, BaseException):
                    kind = type(result).__name__
                    _log.warning("events for %s office %s wait: %s", application_no, office_no, kind)

    async def _deliver_in_time(
        self, application_no: str | None, office_no: int | None, asking: UUID | None = None
    ) -> None:
        async with temporal_call():
            await self._deliver_to_office(str(application_no), int(office_no or 0), asking)

    async def _store(self, event: AnyEvent) -> EventRow:
        """Store and bind to a case in one transaction, so that whatever is neither delivered nor refused has a case."""
        digest = hashlib.sha256(event.model_dump_json(exclude={"event_id"}).encode()).hexdigest()
        refusal: UnknownCaseError | CaseRefusedError | None = None
        async with self._sessions.begin() as session:
            await session.execute(
                insert(EventRow)
                .values(event_id=event.event_id, digest=digest, kind=event.kind, payload=event.model_dump(mode="json"))
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

    async def _deliver_to_office(self, application_no: str, office_no: int, asking: UUID | None) -> None:
        """Deliver what waits for one office, the oldest first: STEP6 before STEP5 would be refused.

        `asking` is the event whose sender still waits for the answer.
        """
        async with self._sessions() as session:
            waiting: Sequence[EventRow] = (
                await session.scalars(
                    select(EventRow)
                    .where(*_pending(), EventRow.application_no == application_no, EventRow.office_no == office_no)
                    .order_by(EventRow.received_at, EventRow.event_id)
                )
            ).all()
        workflow_id = office_workflow_id(ApplicationNo(application_no), office_no)
        for row in waiting:
            event = _EVENTS.validate_python(row.payload)
            update_id = f"{row.event_id}.{row.refusals}" if row.refusals else str(row.event_id)
            refused_because = await self._update(self._client.get_workflow_handle(workflow_id), event, update_id)
            await self._record(row.event_id, refused_because, told=row.event_id == asking)

    @staticmethod
    async def _update(office: WorkflowHandle[Any, Any], event: AnyEvent, update_id: str) -> str | None:
        """Send one update and wait for its effect; return why it was refused, if it was."""
        try:
            method, report = _update_of(event)
            await office.execute_update(method, report, id=update_id)
        except WorkflowUpdateFailedError as failed:
            return _reason(failed)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            if "already completed" in error.message:
                return ENDED
            raise UnreachableError from error  # the office's procedure has not been started yet
        return None

    async def _record(self, event_id: UUID, refused_because: str | None, *, told: bool) -> None:
        now = datetime.now(UTC)
        outcome: dict[str, Any] = {"delivered_at": now}
        if refused_because:
            again = EventRow.refusals + 1
            outcome = {"refused_because": refused_because, "refusals": again, "unreported_since": None if told else now}
        async with self._sessions.begin() as session:
            await session.execute(
                update(EventRow).where(EventRow.event_id == event_id, EventRow.delivered_at.is_(None)).values(**outcome)
            )


_REPORTED = "他のシステムからの報告"
APPLICANT = "申込者"
_ON_THE_PAGE = "お手続きの画面での操作"


def _reason(failed: WorkflowUpdateFailedError) -> str:
    """Return what the procedure said, or the activity that it asked."""
    cause: BaseException | None = failed.cause
    while isinstance(cause, FailureError) and not isinstance(cause, ApplicationError):
        cause = cause.cause
    return cause.message if isinstance(cause, ApplicationError) else _UNSAID


def _update_of(event: AnyEvent) -> tuple[Any, ActionMessage]:
    """Return the update that says what the event says. Names stay behind: it carries the event's id instead."""
    on_a_page = event.source == CUSTOMER_PAGES
    by, reason = (APPLICANT, _ON_THE_PAGE) if on_a_page else (f"system:{event.source}", _REPORTED)
    event_id = str(event.event_id)
    match event:
        case SharingReleasedEvent():
            return OfficeDataProcedure.report_sharing_released, SharingReleased(by=by, reason=reason, event_id=event_id)
        case ServiceRelinkedEvent():
            relinked = ServiceRelinked(
                by=by,
                reason=reason,
                event_id=event_id,
                kind=event.service_kind,
                service=event.service,
                relinked_on=event.relinked_on,
                asked_from=event.asked_from,
            )
            return OfficeDataProcedure.report_relink, relinked
        case PairCorrected() | SharingReleaseClaimed() | SharingReleaseConsented() | Withdrawn():
            return _update_of_customer(event)
        case _:
            done = SetUpStepDone(by=by, reason=reason, event_id=event_id, step=_STEPS[type(event)])
            return OfficeDataProcedure.report_set_up_step, done


def _update_of_customer(event: CustomerEvent) -> tuple[Any, ActionMessage]:
    said: dict[str, Any] = {"by": APPLICANT, "reason": _ON_THE_PAGE, "event_id": str(event.event_id)}
    match event:
        case PairCorrected():
            corrected = CorrectPair(
                **said,
                yayoi_id=event.yayoi_id,
                office_token=event.office_token,
                issued_contract_id=event.issued_contract_id,
            )
            return OfficeDataProcedure.correct_pair, corrected
        case SharingReleaseClaimed():
            return OfficeDataProcedure.report_sharing_released, SharingReleased(**said)
        case SharingReleaseConsented():
            return OfficeDataProcedure.release_sharing, ReleaseSharing(**said)
        case Withdrawn():
            return OfficeDataProcedure.withdraw, Withdraw(**said)


_STEPS: dict[type[object], SetUpStep] = {
    SupportPasswordSetEvent: SetUpStep.SUPPORT_PASSWORD,
    BusinessGroupCreatedEvent: SetUpStep.BUSINESS_GROUP,
    ProductRegisteredEvent: SetUpStep.PRODUCT,
    OwnedProductRegisteredEvent: SetUpStep.OWNED_PRODUCT,
}


def _pending() -> tuple[ColumnElement[bool], ...]:
    return EventRow.application_no.is_not(None), EventRow.delivered_at.is_(None), EventRow.refused_because.is_(None)
