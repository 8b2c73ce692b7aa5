"""Linking services again with the new contract ID: which, from which day on, and what to look at afterwards (Y21)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from http import HTTPStatus
from uuid import UUID, uuid4

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import ValidationError

from models.common.refusals import in_japanese
from models.yayoi.customer_events import CUSTOMER_PAGES
from models.yayoi.events import ServiceRelinkedEvent
from models.yayoi.identifiers import ContractId
from models.yayoi.relink_form import RelinkDays, read_days
from models.yayoi.service_links import Coverage, LinkKind
from models.yayoi.store.pair_status import PairStatus
from web.common.page_form import PageForm, sent_values
from web.common.submission_ids import event_id_of
from web.yayoi.customer.business_group import NO_CASE
from web.yayoi.customer.parts import Parts
from web.yayoi.customer.set_up import Place, cannot, place_of
from web.yayoi.customer.sharing_again import sharings_of

TITLE = "サービスの再連携"
UNKNOWN_LINK = "このサービスは、再連携の一覧にありません。画面を開き直してください。"
_FIELDS = {"relinked_on": "再連携した日", "asked_from": "取込開始日"}


@dataclass(frozen=True)
class LinkView:
    """One service on the page."""

    kind: LinkKind
    service: str
    last_imported_on: date | None
    relinked_on: date | None
    coverage: Coverage | None
    event_id: UUID

    @property
    def seamless_from(self) -> date | None:
        """The first day to import from with nothing missing or doubled."""
        return self.last_imported_on + timedelta(days=1) if self.last_imported_on else None


def relink_pages(parts: Parts) -> APIRouter:
    router = parts.router()

    async def show(request: Request, place: Place, standing: PairStatus, form: PageForm) -> Response:
        async with parts.sessions() as session:
            sharings = await sharings_of(session, standing)
        links = _links(standing)
        facts = {
            "visitor": place.visitor,
            "standing": standing,
            "links": links,
            "sharings": sharings,
            "page": form,
            "today": parts.today,
            "complete": all(link.coverage for link in links) and all(sharing.answered for sharing in sharings),
        }
        return parts.show(request, "yayoi/relink.html", facts)

    @router.get("/relink")
    async def relink(request: Request) -> Response:
        place = await place_of(parts, request)
        if place.standing is None:
            return cannot(parts, request, place, TITLE, NO_CASE)
        if place.standing.cannot_relink and not place.standing.contract_id:
            return cannot(parts, request, place, TITLE, place.standing.cannot_relink)
        return await show(request, place, place.standing, PageForm({}))

    @router.post("/relink")
    async def made_again(request: Request) -> Response:
        place = await place_of(parts, request)
        standing = place.standing
        if standing is None or standing.cannot_relink:
            reason = standing.cannot_relink if standing else None
            return cannot(parts, request, place, TITLE, reason or NO_CASE)
        sent = await request.form()
        links = _links(standing)
        wanted = (sent.get("service_kind"), sent.get("service"))
        number = next((n for n, link in enumerate(links) if (link.kind.value, link.service) == wanted), None)
        if number is None:
            return await show(request, place, standing, PageForm({}, {}, {"": UNKNOWN_LINK}))
        link = links[number]
        typed = sent_values(sent, *_FIELDS)
        form = PageForm(
            {f"links.{number}.{name}": f"{link.service}：{label}" for name, label in _FIELDS.items()},
            {f"links.{number}.{name}": value for name, value in typed.items()},
        )
        days = read_days(link.kind, **typed, today=parts.today, applied_on=standing.applied_on)
        if days.errors:
            return await show(request, place, standing, form.refused(_numbered(number, days.errors)))
        refusal = await _report(parts, standing, link, days, sent)
        if refusal:
            return await show(request, place, standing, form.refused({"": refusal}))
        return RedirectResponse(f"/relink#link-{number}", HTTPStatus.SEE_OTHER)

    return router


def _links(standing: PairStatus) -> list[LinkView]:
    made = {(link.kind, link.service): link.coverage for link in standing.follow_up.relinked}
    return [
        LinkView(
            kind=link.kind,
            service=link.service,
            last_imported_on=link.last_imported_on,
            relinked_on=standing.relinked_on.get((link.kind, link.service)),
            coverage=made.get((link.kind, link.service)),
            event_id=uuid4(),
        )
        for link in standing.follow_up.links
    ]


async def _report(
    parts: Parts, standing: PairStatus, link: LinkView, days: RelinkDays, sent: Mapping[str, object]
) -> str | None:
    try:
        event = ServiceRelinkedEvent(
            event_id=event_id_of(sent),
            source=CUSTOMER_PAGES,
            kind="service_relinked",
            contract_id=ContractId(standing.contract_id or ""),
            service_kind=link.kind,
            service=link.service,
            relinked_on=days.relinked_on,
            asked_from=days.asked_from,
        )
    except ValidationError as invalid:
        return in_japanese(invalid.errors())[0].message
    return (await parts.report(event)).refusal


def _numbered(number: int, errors: Mapping[str, str]) -> dict[str, str]:
    return {f"links.{number}.{name}": message for name, message in errors.items()}
