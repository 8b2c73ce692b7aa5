"""What other systems report and customers do on the pages of their case, brought to the office's procedure.

It is stored under its event id, then delivered as an update.

An event is bound to the case that is open when it is first understood, and stays bound to it. The update carries the
event id, so that Temporal gives it effect once however often it is sent. An event that was refused is not lost to
later: the same event sent again is tried again, as another update, since a case may have come to exist, or a step's
turn may have come.
Nothing retries a refused event by itself; whoever sent it has the answer and decides. One that is refused only after it
had been taken as to be delivered later has nobody who waits for the answer: the operators' desk is notified instead.
"""

import asyncio
import logging
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter
from temporalio.client import Client, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.service import RPCError, RPCStatusCode

from models.common.api_keys import CUSTOMER_PAGES
from models.common.operator_actions import EndCase
from models.common.operator_message import ActionMessage
from models.common.store.sessions import DatabaseSessions
from models.yayoi.customer_events import (
    APPLICANT,
    ON_A_PAGE,
    AnyEvent,
    PairCorrected,
    RelinkCorrected,
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
from models.yayoi.messages import OfficeRef
from models.yayoi.operator_actions import CorrectPair, CorrectRelink, ServiceRelinked, SetUpStepDone, SharingReleased
from models.yayoi.procedures import SetUpStep
from models.yayoi.store.event_cases import ENDED
from models.yayoi.store.events import (
    EventRefusedError,
    mark_answered,
    offices_with_pending_events,
    pending_events,
    record_delivery,
    store_event,
    stored_event,
)
from web.common.temporal_calls import UnreachableError, refusal_in, temporal_call
from web.yayoi.relink_corrections import RelinkCorrections
from workflows.yayoi.office_data_procedure import OfficeDataProcedure

AT_ONCE = 10
"""For how many offices events are delivered at the same time."""

_UNSAID = "受け付けられませんでした。お問い合わせ画面からご連絡ください。"
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


class EventDelivery:
    """Takes events and brings them to the procedures, each office's in the order in which they came."""

    def __init__(self, sessions: DatabaseSessions, client: Client, corrections: RelinkCorrections) -> None:
        self._sessions = sessions
        self._client = client
        self._corrections = corrections

    async def take(self, event: AnyEvent, sent_by: str = CUSTOMER_PAGES) -> Delivery:
        """Store the event and deliver it; if Temporal or the worker is away it is delivered later.

        `sent_by` is the name of the system whose key came with it.

        Raises `OtherEventError`, `UnknownCaseError` and `EventRefusedError`.
        """
        row = await store_event(self._sessions, event, sent_by)
        if row.delivered_at is None:
            try:
                await self._deliver_in_time(str(row.application_no), int(row.office_no or 0), awaited=event.event_id)
            except UnreachableError:
                _log.warning("event %s waits: Temporal or the worker cannot be reached", event.event_id)
        row = await stored_event(self._sessions, event.event_id)
        if row.refused_because:
            await mark_answered(self._sessions, event.event_id)
            raise EventRefusedError(row.refused_because)
        return Delivery(
            application_no=ApplicationNo(str(row.application_no)),
            office_no=int(row.office_no or 0),
            status=EventStatus.DELIVERED if row.delivered_at else EventStatus.ACCEPTED,
        )

    async def deliver_all(self) -> None:
        """Deliver what was taken but is not there yet."""
        offices = await offices_with_pending_events(self._sessions)
        for first in range(0, len(offices), AT_ONCE):
            some = offices[first : first + AT_ONCE]
            results = await asyncio.gather(*(self._deliver_in_time(*office) for office in some), return_exceptions=True)
            for (application_no, office_no), result in zip(some, results, strict=True):
                if isinstance(result, BaseException):
                    kind = type(result).__name__
                    _log.warning("events for %s office %s wait: %s", application_no, office_no, kind)

    async def _deliver_in_time(self, application_no: str, office_no: int, awaited: UUID | None = None) -> None:
        """Deliver what waits for one office, the oldest first: STEP6 before STEP5 would be refused.

        `awaited` is the event whose sender still waits for the answer.
        """
        async with temporal_call():
            office = self._client.get_workflow_handle(office_workflow_id(ApplicationNo(application_no), office_no))
            for row in await pending_events(self._sessions, application_no, office_no):
                event = _EVENTS.validate_python(row.payload)
                update_id = f"{row.event_id}.{row.refusals}" if row.refusals else str(row.event_id)
                sent_by = str(row.sent_by)
                if isinstance(event, RelinkCorrected):
                    pair = OfficeRef(case_no=event.application_no, part=event.office_no)
                    refused_because = await self._corrections.correct(pair, _correction_of(event), update_id)
                else:
                    refused_because = await self._update(office, event, sent_by, update_id)
                answered = row.event_id == awaited
                await record_delivery(self._sessions, row.event_id, refused_because, answered=answered)

    @staticmethod
    async def _update(office: WorkflowHandle[Any, Any], event: AnyEvent, sent_by: str, update_id: str) -> str | None:
        """Send one update and wait for its effect; return why it was refused, if it was."""
        try:
            method, report = update_of(event, sent_by)
            await office.execute_update(method, report, id=update_id)
        except WorkflowUpdateFailedError as failed:
            return refusal_in(failed) or _UNSAID
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            if "already completed" in error.message:
                return ENDED
            raise UnreachableError from error  # the office's procedure has not been started yet
        return None


_REPORTED = "他のシステムからの報告"


def _said(event: AnyEvent, sent_by: str) -> dict[str, Any]:
    on_a_page = sent_by == CUSTOMER_PAGES
    return {
        "by": APPLICANT if on_a_page else f"system:{sent_by}",
        "reason": ON_A_PAGE if on_a_page else _REPORTED,
        "event_id": str(event.event_id),
    }


def _correction_of(event: RelinkCorrected) -> CorrectRelink:
    link = event.model_dump(include={"service", "relinked_on", "asked_from"})
    return CorrectRelink(**_said(event, CUSTOMER_PAGES), kind=event.service_kind, **link)


def update_of(event: AnyEvent, sent_by: str) -> tuple[Any, ActionMessage]:
    """Return the update that says what the event says. Names stay behind: it carries the event's id instead."""
    said = _said(event, sent_by)
    match event:
        case PairCorrected():
            pair = event.model_dump(include={"yayoi_id", "office_token", "issued_contract_id"})
            return OfficeDataProcedure.correct_pair, CorrectPair(**said, **pair)
        case SharingReleasedEvent() | SharingReleaseClaimed():
            return OfficeDataProcedure.report_sharing_released, SharingReleased(**said)
        case SharingReleaseConsented():
            return OfficeDataProcedure.release_sharing, ActionMessage(**said)
        case Withdrawn():
            own = {"reason": event.reason, "text_for_customer": event.reason} if event.reason else {}
            return OfficeDataProcedure.withdraw, EndCase(**said | own)
        case ServiceRelinkedEvent():
            link = event.model_dump(include={"service", "relinked_on", "asked_from"})
            return OfficeDataProcedure.report_relink, ServiceRelinked(**said, kind=event.service_kind, **link)
        case RelinkCorrected():
            return OfficeDataProcedure.correct_relink, _correction_of(event)
        case _:
            return OfficeDataProcedure.report_set_up_step, SetUpStepDone(**said, step=_STEPS[type(event)])


_STEPS: dict[type[object], SetUpStep] = {
    SupportPasswordSetEvent: SetUpStep.SUPPORT_PASSWORD,
    BusinessGroupCreatedEvent: SetUpStep.BUSINESS_GROUP,
    ProductRegisteredEvent: SetUpStep.PRODUCT,
    OwnedProductRegisteredEvent: SetUpStep.OWNED_PRODUCT,
}
