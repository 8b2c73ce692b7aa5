"""STEP6, first: the business group, created by the pair's own Yayoi ID, and later corrected by it (Y20)."""

from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from uuid import uuid4

from fastapi.responses import RedirectResponse, Response
from pydantic import ValidationError

from models.yayoi.business_groups import BusinessForm
from models.yayoi.events import BusinessGroupCreatedEvent
from models.yayoi.procedures import SetUpStep
from models.yayoi.store.own_group import OwnGroup, correct_group, own_group
from web.common.auth import page_router
from web.common.page_form import messages, sent_values
from web.common.sent_forms import FormRefusedError, Kept, form_on
from web.common.submission_ids import event_id_of
from web.yayoi.customer.pair_page import OwnPair, PairPage
from web.yayoi.customer.reports import Events, report
from web.yayoi.customer.set_up import lead_on

LABELS = {
    "details.business_form": "事業形態",
    "group_name": "会社・個人事業者名",
    "details.family_name": "姓",
    "details.given_name": "名",
    "details.family_name_kana": "セイ",
    "details.given_name_kana": "メイ",
    "details.phone": "登録電話番号",
}
TITLE = "STEP6 事業グループの新規作成"
CORRECTION = "事業グループの内容の訂正"
NOT_CREATED = "この弥生ID が管理する事業グループはありません。"
NO_CHOICE = "どちらかを選んでください。"
router = page_router()


@router.get("/group")
async def form(page: OwnPair, kept: Kept) -> Response:
    begun: dict[str, str] = {}
    group = await _created(page)
    if group:
        details = group.details.model_dump(mode="json") if group.details else {}
        begun = {"group_name": group.name} | {f"details.{name}": str(value) for name, value in details.items()}
    elif refusal := page.refusal(SetUpStep.BUSINESS_GROUP):
        return page.refuse(TITLE, refusal)
    facts = {
        "title": CORRECTION if group else TITLE,
        "page": kept.page(LABELS, **begun),
        "event_id": uuid4(),
        "business_forms": [(kind.value, kind.label) for kind in BusinessForm],
        "corrects": bool(group),
    }
    return page.show("yayoi/business_group.html", facts)


@router.post("/group")
async def create(page: OwnPair, events: Events) -> Response:
    if refusal := page.refusal(SetUpStep.BUSINESS_GROUP):
        raise FormRefusedError({"": refusal})  # its page says so too
    reported = await report(events, _read(page, await page.request.form()), page.who)
    if reported.refusal:
        raise FormRefusedError({"": reported.refusal})
    return lead_on(SetUpStep.BUSINESS_GROUP, reported)


@router.post("/group/correction")
@form_on("..")
async def correct(page: OwnPair) -> Response:
    """Correct what was typed when the group was created, however long ago."""
    group = await _created(page)
    if group is None or page.pair is None:
        raise FormRefusedError({"": page.refusal(SetUpStep.BUSINESS_GROUP) or NOT_CREATED})
    typed = _read(page, await page.request.form())
    corrected = replace(group, name=typed.group_name, details=typed.details)
    await correct_group(page.context.sessions, page.pair, group, corrected, page.context.now())
    return RedirectResponse("/set-up?corrected=true", HTTPStatus.SEE_OTHER)


async def _created(page: PairPage) -> OwnGroup | None:
    """Return the group that was created in STEP6; None before that."""
    if page.pair is None or SetUpStep.BUSINESS_GROUP not in page.pair.follow_up.done:
        return None
    return await own_group(page.context.sessions, page.who)


def _read(page: PairPage, sent: Mapping[str, object]) -> BusinessGroupCreatedEvent:
    """Return what was typed, as the event that it is the first time."""
    typed = sent_values(sent, *LABELS)
    details = {path.removeprefix("details."): typed[path] for path in LABELS if path.startswith("details.")}
    try:
        return BusinessGroupCreatedEvent.model_validate(
            {
                "event_id": event_id_of(sent),
                "kind": "business_group_created",
                "yayoi_id": page.who,
                "group_name": typed["group_name"],
                "details": details,
            }
        )
    except ValidationError as invalid:
        errors = messages(invalid, typed)
        if "details.business_form" in errors:
            errors["details.business_form"] = NO_CHOICE
        raise FormRefusedError(errors) from None
