"""What other systems reach: one way in for applications, one for events."""

from datetime import date
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field

from models.common.actors import Actor, ActorKind, Channel
from models.common.api_keys import Scope
from models.common.refusals import RefusedError
from models.yayoi.application_form import ApplicationForm
from models.yayoi.case_links import case_link, link_expiry
from models.yayoi.deadlines import HOLDER_MAIL_EVERY
from models.yayoi.events import Event
from models.yayoi.holder_confirmation import TooManyUnconfirmedError
from models.yayoi.identifiers import ApplicationNo
from models.yayoi.store.event_cases import UnknownCaseError
from models.yayoi.store.events import EventRefusedError, OtherEventError
from models.yayoi.store.intake import Intake, OtherContentError, Receipt
from web.common.auth import SharedLimit, client_address
from web.common.auth.api_keys import CallingSystem, needs
from web.common.context import Context, WebContext, given
from web.common.http_methods import JsonRoute
from web.common.problems import ProblemError, answers
from web.yayoi.event_delivery import EventDelivery, EventStatus

OTHER_APPLICATION = (
    "この submission_id の申込は、別の内容ですでに受け付けています。"
    "新しい申込には新しい submission_id を付けてください。"
)
OTHER_EVENT = (
    "この event_id の出来事は、別の内容ですでに受け付けています。新しい出来事には新しい event_id を付けてください。"
)

_TOO_LARGE = "本文が大きすぎる"
_INVALID = "入力内容に誤りがある。項目ごとに日本語の理由が 1 つ付く"
TOO_OFTEN = (
    "短い時間に、受け付けられない送信が繰り返された。Retry-After の秒数だけ待つ。または、契約者の確認を待っている申込が"
    "多い（detail に、契約者にしていただくことがある）"
)
_LATER = (
    "受け付けた。手続きには後で届ける。届けたときに手続きが断った場合（順序が違うなど）は、送信元には知らせず、"
    "毎日の照合で担当者に理由とともに知らせる。同じ event_id で再送すれば、その時点の結果（200 か 409）が分かる"
)
_AWAY = "記録先に届かない。同じ内容をもう一度送れば、二重に受け付けることはない"


class ApplicationReceived(BaseModel):
    """The application is stored; its procedure starts by itself."""

    application_no: ApplicationNo = Field(description="申込番号", examples=["YS-000123"])
    due_date: date = Field(description="完了予定日（翌々週末の営業日、日本）")
    status_url: str = Field(description="申込者のための状況の画面。鍵を含むため、申込者以外に渡さない")
    waits_for_holder: bool = Field(
        description="ご契約の事業所データのトークンが示されていないため、契約者の確認を待っている。"
        "確認されるまで手続きは始まらず、何も発行されない"
    )


class EventReceived(BaseModel):
    """The event is stored, and delivered unless `status` says that it will be later."""

    event_id: UUID
    application_no: ApplicationNo
    office_no: int = Field(description="申込の中で何件目の事業所データか（1 から）")
    status: EventStatus = Field(description="delivered: 手続きに届いた。accepted: 受け付けた。後で届ける（202 を参照）")


router = APIRouter(prefix="/api", route_class=JsonRoute)


def received(context: WebContext, receipt: Receipt, response: Response) -> ApplicationReceived:
    """Return what the submitter reads: 202 for a new application, 200 for one that was taken before."""
    if not receipt.new:
        response.status_code = HTTPStatus.OK
    until = link_expiry(receipt.due_date)
    link = case_link(context.public_url, context.secret_keys, receipt.application_no, until, link_no=receipt.link_no)
    return ApplicationReceived(
        application_no=receipt.application_no,
        due_date=receipt.due_date,
        status_url=link,
        waits_for_holder=receipt.waits_for_holder,
    )


def too_many(error: TooManyUnconfirmedError) -> ProblemError:
    """Return the answer to an application that would wait beside too many others (Y5a)."""
    after = {"Retry-After": str(int(HOLDER_MAIL_EVERY.total_seconds()))}
    return ProblemError(HTTPStatus.TOO_MANY_REQUESTS, str(error), headers=after)


@router.post(
    "/applications",
    tags=["applications"],
    status_code=HTTPStatus.ACCEPTED,
    summary="複数事業所データ管理の申込（STEP4）",
    responses={
        200: {"model": ApplicationReceived, "description": "同じ申込の再送。最初と同じ答え"},
        202: {"description": "受け付けた。手続きは自動で始まる"},
        **answers(
            _409="同じ submission_id で別の内容が送られた",
            _413=_TOO_LARGE,
            _422=_INVALID,
            _429=TOO_OFTEN,
            _503=_AWAY,
        ),
    },
)
@needs(Scope.APPLY)
async def apply(
    form: ApplicationForm,
    request: Request,
    response: Response,
    context: Context,
    *,
    system: CallingSystem,
    intake: Annotated[Intake, Depends(given(Intake))],
) -> ApplicationReceived:
    try:
        receipt = await intake.receive(form, by=Actor(ActorKind.SYSTEM, system, channel=Channel.API))
    except RefusedError:
        # It may disclose which numbers, and which open applications, exist: nobody asks without end (Y1).
        await context.auth.limit(SharedLimit.REFUSED_FROM, client_address(request))
        raise
    except TooManyUnconfirmedError as refused:
        await context.auth.limit(SharedLimit.REFUSED_FROM, client_address(request))
        raise too_many(refused) from None
    except OtherContentError:
        raise ProblemError(HTTPStatus.CONFLICT, OTHER_APPLICATION) from None
    return received(context, receipt, response)


@router.post(
    "/events",
    tags=["events"],
    summary="他のシステムで起きた出来事の報告",
    responses={
        200: {"description": "手続きに届いた。同じ出来事の再送にも同じ答え"},
        202: {"model": EventReceived, "description": _LATER},
        **answers(
            _404="当てはまる手続き中の申込がない。後から有効になることがあるため、再送すれば改めて調べる",
            _409="順序が違う、組み合わせが違う、または同じ event_id で別の内容が送られた",
            _413=_TOO_LARGE,
            _422=_INVALID,
            _429=TOO_OFTEN,
            _503=_AWAY,
        ),
    },
)
@needs(Scope.REPORT)
async def report(
    event: Event,
    request: Request,
    response: Response,
    context: Context,
    *,
    system: CallingSystem,
    events: Annotated[EventDelivery, Depends(given(EventDelivery))],
) -> EventReceived:
    try:
        delivery = await events.take(event, Actor(ActorKind.SYSTEM, system, channel=Channel.API))
    except OtherEventError:
        raise ProblemError(HTTPStatus.CONFLICT, OTHER_EVENT) from None
    except (UnknownCaseError, EventRefusedError) as refused:
        await context.auth.limit(SharedLimit.REFUSED_FROM, client_address(request))
        status = HTTPStatus.NOT_FOUND if isinstance(refused, UnknownCaseError) else HTTPStatus.CONFLICT
        raise ProblemError(status, str(refused)) from None
    if delivery.status is EventStatus.ACCEPTED:
        response.status_code = HTTPStatus.ACCEPTED
    return EventReceived(
        event_id=event.event_id,
        application_no=delivery.application_no,
        office_no=delivery.office_no,
        status=delivery.status,
    )
