"""STEP6, first: the business group, created by the pair's own Yayoi ID (Y20)."""

from uuid import uuid4

from fastapi.responses import Response
from pydantic import ValidationError

from models.yayoi.business_groups import BusinessForm
from models.yayoi.customer_events import CUSTOMER_PAGES
from models.yayoi.events import BusinessGroupCreatedEvent
from models.yayoi.procedures import SetUpStep
from web.common.auth import page_router
from web.common.page_form import messages, sent_values
from web.common.sent_forms import FormRefusedError, Kept
from web.common.submission_ids import event_id_of
from web.yayoi.customer.pair_page import OwnPair
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
NO_CHOICE = "どちらかを選んでください。"
router = page_router()


@router.get("/group")
async def form(page: OwnPair, kept: Kept) -> Response:
    if refusal := page.refusal(SetUpStep.BUSINESS_GROUP):
        return page.refuse(TITLE, refusal)
    forms = [(kind.value, kind.label) for kind in BusinessForm]
    facts = {"title": TITLE, "page": kept.page(LABELS), "event_id": uuid4(), "business_forms": forms}
    return page.show("yayoi/business_group.html", facts)


@router.post("/group")
async def create(page: OwnPair, events: Events) -> Response:
    if refusal := page.refusal(SetUpStep.BUSINESS_GROUP):
        raise FormRefusedError({"": refusal})  # its page says so too
    sent = await page.request.form()
    typed = sent_values(sent, *LABELS)
    details = {path.removeprefix("details."): typed[path] for path in LABELS if path.startswith("details.")}
    try:
        event = BusinessGroupCreatedEvent.model_validate(
            {
                "event_id": event_id_of(sent),
                "source": CUSTOMER_PAGES,
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
    reported = await report(events, event)
    if reported.refusal:
        raise FormRefusedError({"": reported.refusal})
    return lead_on(SetUpStep.BUSINESS_GROUP, reported)
