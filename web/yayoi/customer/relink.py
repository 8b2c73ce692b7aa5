"""Linking services again with the new contract ID: which, from which day on, and what to look at afterwards (Y21)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from http import HTTPStatus
from uuid import UUID, uuid4

from fastapi.responses import RedirectResponse, Response
from pydantic import ValidationError

from models.common.refusals import in_japanese
from models.yayoi.events import ServiceRelinkedEvent
from models.yayoi.identifiers import ContractId
from models.yayoi.relink_form import RelinkDays, read_days
from models.yayoi.service_links import Coverage, LinkKind
from models.yayoi.store.pair_status import PairStatus
from models.yayoi.store.sharing_again import ended_sharings
from web.common.auth import page_router
from web.common.page_form import PageForm, sent_values
from web.common.submission_ids import event_id_of
from web.yayoi.customer.pair_page import NO_CASE, OwnPair, PairPage
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
        return self.last_imported_on + timedelta(days=1) if self.last_imported_on else None


@router.get("/relink")
async def services(page: OwnPair) -> Response:
    pair = page.pair
    if pair is None:
        return page.refuse(TITLE, NO_CASE)
    if pair.cannot_relink and not pair.contract_id:
        return page.refuse(TITLE, pair.cannot_relink)
    return await _show(page, pair, PageForm({}))


@router.post("/relink")
async def record(page: OwnPair, events: Events) -> Response:
    pair = page.pair
    if pair is None or pair.cannot_relink:
        return page.refuse(TITLE, (pair and pair.cannot_relink) or NO_CASE)
    sent = await page.request.form()
    links = _links(pair)
    sent_for = (sent.get("service_kind"), sent.get("service"))
    number = next((n for n, link in enumerate(links) if (link.kind.value, link.service) == sent_for), None)
    if number is None:
        return await _show(page, pair, PageForm({}, {}, {"": UNKNOWN_LINK}))
    link = links[number]
    typed = sent_values(sent, *_FIELDS)
    form = PageForm(
        {f"links.{number}.{name}": f"{link.service}：{label}" for name, label in _FIELDS.items()},
        {f"links.{number}.{name}": value for name, value in typed.items()},
    )
    days = read_days(link.kind, **typed, today=page.context.today, applied_on=pair.applied_on)
    if days.errors:
        errors = {f"links.{number}.{name}": message for name, message in days.errors.items()}
        return await _show(page, pair, form.refused(errors))
    if refusal := await _report(events, pair, link, days, sent):
        return await _show(page, pair, form.refused({"": refusal}))
    return RedirectResponse(f"/relink#link-{number}", HTTPStatus.SEE_OTHER)


async def _show(page: PairPage, pair: PairStatus, form: PageForm) -> Response:
    sharings = await ended_sharings(page.context.sessions, pair)
    links = _links(pair)
    facts = {
        "links": links,
        "sharings": sharings,
        "page": form,
        "today": page.context.today,
        "complete": all(link.coverage for link in links) and all(sharing.answered for sharing in sharings),
    }
    return page.show("yayoi/relink.html", facts)


def _links(pair: PairStatus) -> list[LinkView]:
    coverages = {(link.kind, link.service): link.coverage for link in pair.follow_up.relinked}
    return [
        LinkView(
            kind=link.kind,
            service=link.service,
            last_imported_on=link.last_imported_on,
            relinked_on=pair.relinked_on.get((link.kind, link.service)),
            coverage=coverages.get((link.kind, link.service)),
            event_id=uuid4(),
        )
        for link in pair.follow_up.links
    ]


async def _report(
    events: Events, pair: PairStatus, link: LinkView, days: RelinkDays, sent: Mapping[str, object]
) -> str | None:
    try:
        event = ServiceRelinkedEvent(
            event_id=event_id_of(sent),
            kind="service_relinked",
            contract_id=ContractId(pair.contract_id or ""),
            service_kind=link.kind,
            service=link.service,
            relinked_on=days.relinked_on,
            asked_from=days.asked_from,
        )
    except ValidationError as invalid:
        return in_japanese(invalid.errors())[0].message
    return (await report(events, event)).refusal
