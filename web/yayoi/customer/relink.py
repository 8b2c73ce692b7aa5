"""Linking services again with the new contract ID: which, from which day on, and what to look at afterwards (Y21)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import Query
from fastapi.responses import RedirectResponse, Response
from pydantic import ValidationError

from models.common.refusals import in_japanese
from models.yayoi.customer_events import RelinkCorrected
from models.yayoi.events import ServiceRelinkedEvent
from models.yayoi.identifiers import ApplicationNo, ContractId
from models.yayoi.relink_form import RelinkDays, RelinkRule
from models.yayoi.service_links import Coverage, LinkKind, seamless_from
from models.yayoi.store.pair_status import PairStatus
from models.yayoi.store.sharing_again import ended_sharings
from web.common.auth import page_router
from web.common.page_form import PageForm, sent_values
from web.common.sent_forms import FormRefusedError, Kept, KeptForm, form_on
from web.common.submission_ids import event_id_of
from web.yayoi.customer.pair_page import NO_CASE, OwnLinks, PairPage
from web.yayoi.customer.reports import Events, report

TITLE = "サービスの再連携"
UNKNOWN_LINK = "このサービスは、再連携の一覧にありません。画面を開き直してください。"
_FIELDS = {"relinked_on": "再連携した日", "asked_from": "取込開始日"}
router = page_router()


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
        return seamless_from(self.last_imported_on)

    def read(self, pair: PairStatus, today: date, typed: Mapping[str, str]) -> RelinkDays:
        return RelinkRule(self.kind, today, pair.applied_on, self.last_imported_on).read(**typed)


@router.get("/relink")
async def services(page: OwnLinks, kept: Kept, *, later: Annotated[bool, Query()] = False) -> Response:
    pair = page.pair
    if pair is None or pair.contract_id is None:
        return page.show("yayoi/nothing_yet.html", {"title": TITLE, "reason": _not_yet(pair)})
    links, sharings = _links(pair), await ended_sharings(page.context.sessions, pair)
    facts = {
        "links": links,
        "sharings": sharings,
        "page": _typed(links, kept),
        "later": later,
        "today": page.context.today,
        "complete": all(link.coverage for link in links) and all(sharing.answered for sharing in sharings),
    }
    return page.show("yayoi/relink.html", facts)


@router.post("/relink")
async def record(page: OwnLinks, events: Events) -> Response:
    """Record a service that is linked again."""
    pair = page.pair
    if pair is None or pair.cannot_relink:
        raise FormRefusedError({"": _not_yet(pair)})
    return await _take(page, pair, events, _relinked)


@router.post("/relink/correction")
@form_on("..")
async def correct(page: OwnLinks, events: Events) -> Response:
    """Correct the days of one that was recorded, as long as the case is kept."""
    pair = page.pair
    if pair is None or pair.contract_id is None:
        raise FormRefusedError({"": _not_yet(pair)})
    return await _take(page, pair, events, _corrected)


def _not_yet(pair: PairStatus | None) -> str:
    return (pair and pair.cannot_relink) or NO_CASE


async def _take(page: PairPage, pair: PairStatus, events: Events, event_of: "_EventOf") -> Response:
    sent = await page.request.form()
    links = _links(pair)
    number = _number(links, sent)
    if number is None:
        raise FormRefusedError({"": UNKNOWN_LINK})
    link = links[number]
    days = link.read(pair, page.context.today, sent_values(sent, *_FIELDS))
    if days.errors:
        raise FormRefusedError(days.errors)
    facts = {"event_id": event_id_of(sent), "relinked_on": days.relinked_on, "asked_from": days.asked_from}
    try:
        event = event_of(pair, {"service_kind": link.kind, "service": link.service, **facts})
    except ValidationError as invalid:
        raise FormRefusedError({"": in_japanese(invalid.errors())[0].message}) from None
    reported = await report(events, event, page.who)
    if reported.refusal:
        raise FormRefusedError({"": reported.refusal})
    query = "" if reported.at_once else "?later=true"
    return RedirectResponse(f"/relink{query}#link-{number}", HTTPStatus.SEE_OTHER)


def _number(links: Sequence[LinkView], sent: Mapping[str, object]) -> int | None:
    """Return for which service of the page a form was sent."""
    sent_for = (sent.get("service_kind"), sent.get("service"))
    return next((n for n, link in enumerate(links) if (link.kind.value, link.service) == sent_for), None)


def _typed(links: Sequence[LinkView], kept: KeptForm) -> PageForm:
    """Return what was typed, and what is wrong with it, at the service that it is about."""
    number = _number(links, kept.values)
    if number is None:
        return kept.page({})
    at = {name: f"links.{number}.{name}" for name in _FIELDS}
    labels = {at[name]: f"{links[number].service}：{label}" for name, label in _FIELDS.items()}
    values = {at[name]: kept.value(name) for name in _FIELDS}
    return PageForm(labels, values, {at.get(name, name): text for name, text in kept.errors.items()}, kept.status)


def _links(pair: PairStatus) -> list[LinkView]:
    coverages = {link.number: link.coverage for link in pair.follow_up.relinked}
    return [
        LinkView(
            kind=link.kind,
            service=pair.services[link.number],
            last_imported_on=link.last_imported_on,
            relinked_on=pair.relinked_on.get(link.number),
            coverage=coverages.get(link.number),
            event_id=uuid4(),
        )
        for link in pair.follow_up.links
    ]


_EventOf = Callable[[PairStatus, Mapping[str, Any]], ServiceRelinkedEvent | RelinkCorrected]


def _relinked(pair: PairStatus, facts: Mapping[str, Any]) -> ServiceRelinkedEvent:
    contract_id = ContractId(pair.contract_id or "")
    return ServiceRelinkedEvent(kind="service_relinked", contract_id=contract_id, **facts)


def _corrected(pair: PairStatus, facts: Mapping[str, Any]) -> RelinkCorrected:
    return RelinkCorrected(application_no=ApplicationNo(pair.application_no), office_no=pair.office_no, **facts)
