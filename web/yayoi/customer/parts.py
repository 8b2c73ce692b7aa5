"""What every page of the customer's side is made with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from fastapi.templating import Jinja2Templates
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from models.common.calendar import day_in_japan
from models.yayoi.events import Event
from models.yayoi.store.event_cases import UnknownCaseError
from models.yayoi.store.events import EventRefusedError, OtherEventError
from web.common.auth import Auth, page_router
from web.yayoi.event_delivery import EventDelivery, EventStatus

SENT_BEFORE = "この画面の内容は、すでに別の内容で送信されています。画面を開き直して、状況を確認してください。"
CASE_ENDED = (
    "この弥生ID のお手続きは終了しているため、この画面では受け付けられません。"
    "元々ご契約のお客様番号をご用意のうえ、お問い合わせ（/enquiry）からご連絡ください。"
)


@dataclass(frozen=True)
class Reported:
    """What became of what the customer did: why it was refused, or whether it has taken effect yet."""

    refusal: str | None = None
    at_once: bool = True


@dataclass(frozen=True)
class Parts:
    """The parts that pages share. `now` is replaced in tests."""

    sessions: async_sessionmaker[AsyncSession]
    auth: Auth
    deliveries: EventDelivery
    templates: Jinja2Templates
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    @property
    def today(self) -> date:
        """The day in Japan."""
        return day_in_japan(self.now())

    def router(self) -> APIRouter:
        """Return a router of pages: forms that cannot be read are refused."""
        return page_router()

    def show(
        self, request: Request, template: str, facts: Mapping[str, Any], status: HTTPStatus | None = None
    ) -> Response:
        """Render a page. One whose form (`page`) was refused says so in its status too."""
        if status is None:
            page = facts.get("page")
            status = HTTPStatus.UNPROCESSABLE_ENTITY if page and page.errors else HTTPStatus.OK
        return self.templates.TemplateResponse(request, template, dict(facts), status)

    async def report(self, event: Event) -> Reported:
        """Bring what the customer did to the procedure; what it refuses comes back in its own words."""
        try:
            delivery = await self.deliveries.take(event)
        except OtherEventError:
            return Reported(SENT_BEFORE)
        except UnknownCaseError:
            return Reported(CASE_ENDED)
        except EventRefusedError as refused:
            return Reported(str(refused))
        return Reported(at_once=delivery.status is EventStatus.DELIVERED)
