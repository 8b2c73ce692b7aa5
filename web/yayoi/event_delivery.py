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
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter

from models.common.actors import Actor, ActorKind, Channel
from models.common.identifiers import try_after
from models.common.operator_actions import EndCase
from models.common.operator_message import ActionMessage
from models.common.store.sessions import DatabaseSessions
from models.yayoi.customer_events import (
    ON_A_PAGE,
    AnyEvent,
    PairCorrected,
    RelinkCorrected,
    SharingReleaseClaimed,
    SharingReleaseConsented,
    Withdrawn,
)
from models.yayoi.customers import signed_in
from models.yayoi.events import (
    BusinessGroupCreatedEvent,
    OwnedProductRegisteredEvent,
    ProductRegisteredEvent,
    ServiceRelinkedEvent,
    SharingReleasedEvent,
    SupportPasswordSetEvent,
)
from models.yayoi.identifiers import ApplicationNo, YayoiId, office_workflow_id
from models.yayoi.messages import OfficeRef
from models.yayoi.operator_actions import (
    Action,
    CorrectPair,
    CorrectRelink,
    ServiceRelinked,
    SetUpStepDone,
    SharingReleased,
)
from models.yayoi.procedures import SetUpStep
from models.yayoi.service_links import NO_LINK
from models.yayoi.store.credentials import person_number
from models.yayoi.store.event_cases import ENDED
from models.yayoi.store.events import (
    EventRefusedError,
    count_failure,
    mark_answered,
    offices_with_pending_events,
    pending_events,
    record_delivery,
    store_event,
    stored_event,
    took_effect,
)
from models.yayoi.store.remembered_links import link_number, service_names
from web.common.operation_sender import AskedOperation, Done, OperationSender, Refused, Why
from web.common.temporal_calls import UnreachableError, temporal_call
from web.yayoi.relink_corrections import FailedOnItsWayError, RelinkCorrections

AT_ONCE = 10
"""For how many offices events are delivered at the same time."""

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

    def __init__(self, sessions: DatabaseSessions, operations: OperationSender, corrections: RelinkCorrections) -> None:
        self._sessions = sessions
        self._operations = operations
        self._corrections = corrections

    async def take(self, event: AnyEvent, actor: Actor) -> Delivery:
        """Store the event and deliver it; if Temporal or the worker is away it is delivered later.

        `actor` is who reports it: it is signed with that.

        Raises `OtherEventError`, `UnknownCaseError` and `EventRefusedError`.
        """
        row = await store_event(self._sessions, event, actor)
        if row.delivered_at is None:
            try:
                await self._deliver_in_time(str(row.application_no), int(row.office_no or 0), awaited=event.event_id)
            except UnreachableError:
                _log.warning("event %s waits: Temporal or the worker cannot be reached", event.event_id)
        row = await stored_event(self._sessions, event.event_id)
        if row.refused_because:
            await mark_answered(self._sessions, event.event_id)
            async with self._sessions() as session:
                names = await service_names(session, str(row.application_no), row.office_no)
            raise EventRefusedError(names.named(row.refused_because))
        return Delivery(
            application_no=ApplicationNo(str(row.application_no)),
            office_no=int(row.office_no or 0),
            status=EventStatus.DELIVERED if row.delivered_at else EventStatus.ACCEPTED,
        )

    async def take_from(self, who: YayoiId, event: AnyEvent) -> Delivery:
        """Take what a customer reports who has a Yayoi ID; see `take`."""
        async with self._sessions() as session:
            actor = signed_in(await person_number(session, who))
        return await self.take(event, actor)

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
            for row in await pending_events(self._sessions, application_no, office_no):
                event = _EVENTS.validate_python(row.payload)
                asked = AskedOperation(
                    _actor(str(row.sent_by)), try_after(str(row.event_id), row.refusals), str(row.salt)
                )
                pair = OfficeRef(case_no=ApplicationNo(application_no), part=office_no)
                action, message = update_of(event, asked.actor, await self._link_of(pair, event))
                if isinstance(message, CorrectRelink):
                    refused_because = await self._correct(pair, message, asked)
                else:
                    office = office_workflow_id(pair.case_no, pair.part)
                    refused_because = await self._update(office, action, message, asked)
                if refused_because in {ENDED, _FAILED} and await took_effect(self._sessions, row.event_id):
                    refused_because = None
                if refused_because == _FAILED:
                    await count_failure(self._sessions, row.event_id)
                    raise UnreachableError
                answered = row.event_id == awaited
                await record_delivery(self._sessions, row.event_id, refused_because, answered=answered)

    async def _link_of(self, pair: OfficeRef, event: AnyEvent) -> int:
        """Return by which number the case knows the service that the event is about."""
        if isinstance(event, ServiceRelinkedEvent | RelinkCorrected):
            return await link_number(self._sessions, pair, event.service_kind, event.service)
        return NO_LINK

    async def _correct(self, pair: OfficeRef, message: CorrectRelink, asked: AskedOperation) -> str | None:
        """Bring a corrected day to where the case is; return as `_update`."""
        try:
            return await self._corrections.correct(pair, message, asked)
        except FailedOnItsWayError:
            return _FAILED

    async def _update(self, office: str, action: Action, message: ActionMessage, asked: AskedOperation) -> str | None:
        """Send one update and wait for its effect; return why it was refused, if it was."""
        match await asked.send(self._operations, office, action, message):
            case Done():
                return None
            case Refused(why=Why.ENDED):
                return ENDED
            case Refused(reason=reason, why=Why.BY_THE_CASE):
                return reason
            case Refused(why=Why.BY_THE_MACHINERY | Why.NOT_NOW):
                return _FAILED
            case _:  # the office's procedure has not been started yet, or nobody answers
                raise UnreachableError


_FAILED = "failed on its way"
"""No refusal: nobody is answered so."""
_REPORTED = "他のシステムからの報告"


def _actor(sent_by: str) -> Actor:
    actor = Actor.recorded(sent_by)
    return replace(actor, channel=Channel.API if actor.kind == ActorKind.SYSTEM else Channel.PAGE)


def _said(event: AnyEvent, actor: Actor) -> dict[str, Any]:
    reason = _REPORTED if actor.kind == ActorKind.SYSTEM else ON_A_PAGE
    return {"reason": reason, "event_id": str(event.event_id)}


def update_of(event: AnyEvent, actor: Actor, link: int = NO_LINK) -> tuple[Action, ActionMessage]:
    """Return the operation that says what the event says. Names stay behind: it carries the event's id instead.

    `link`: the number of the link that it is about.
    """
    said = _said(event, actor)
    match event:
        case PairCorrected():
            pair = event.model_dump(include={"yayoi_id", "office_token", "issued_contract_id"})
            return Action.CORRECT_PAIR, CorrectPair(**said, **pair)
        case SharingReleasedEvent() | SharingReleaseClaimed():
            return Action.REPORT_SHARING_RELEASED, SharingReleased(**said)
        case SharingReleaseConsented():
            return Action.RELEASE_SHARING, ActionMessage(**said)
        case Withdrawn():
            own = {"reason": event.reason, "text_for_customer": event.reason} if event.reason else {}
            return Action.WITHDRAW, EndCase(**said | own)
        case ServiceRelinkedEvent():
            days = event.model_dump(include={"relinked_on", "asked_from"})
            return Action.REPORT_RELINK, ServiceRelinked(**said, link=link, **days)
        case RelinkCorrected():
            days = event.model_dump(include={"relinked_on", "asked_from"})
            return Action.CORRECT_RELINK, CorrectRelink(**said, link=link, **days)
        case _:
            return Action.REPORT_SET_UP_STEP, SetUpStepDone(**said, step=_STEPS[type(event)])


_STEPS: dict[type[object], SetUpStep] = {
    SupportPasswordSetEvent: SetUpStep.SUPPORT_PASSWORD,
    BusinessGroupCreatedEvent: SetUpStep.BUSINESS_GROUP,
    ProductRegisteredEvent: SetUpStep.PRODUCT,
    OwnedProductRegisteredEvent: SetUpStep.OWNED_PRODUCT,
}
