"""STEP6, first: the business group, created by the pair's own Yayoi ID (Y20)."""

from uuid import uuid4

from fastapi.responses import Response
from pydantic import ValidationError

from models.yayoi.business_groups import BusinessForm
from models.yayoi.events import BusinessGroupCreatedEvent
from models.yayoi.procedures import SetUpStep
from web.common.auth import page_router
from web.common.page_form import PageForm, messages, sent_values
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
NO_CHOICE = "どちらかを選んでください。"
router = page_router()


@router.get("/group")
async def form(page: OwnPair) -> Response:
    if refusal := page.refusal(SetUpStep.BUSINESS_GROUP):
        return page.refuse(TITLE, refusal)
    return _show(page, PageForm(LABELS))


@router.post("/group")
async def create(page: OwnPair, events: Events) -> Response:
    sent = await page.request.form()
    form = PageForm(LABELS, sent_values(sent, *LABELS))
    details = {path.removeprefix("details."): form.value(path) for path in LABELS if path.startswith("details.")}
    try:
        event = BusinessGroupCreatedEvent.model_validate(
            {
                "event_id": event_id_of(sent),
                "kind": "business_group_created",
                "yayoi_id": page.who,
                "group_name": form.value("group_name"),
                "details": details,
            }
        )
    except ValidationError as invalid:
        errors = messages(invalid, form.values)
        if "details.business_form" in errors:
            errors["details.business_form"] = NO_CHOICE
        return _show(page, form.refused(errors))
    reported = await report(events, event)
    if reported.refusal:
        return _show(page, form.refused({"": reported.refusal}))
    return lead_on(SetUpStep.BUSINESS_GROUP, reported)


def _show(page: PairPage, form: PageForm) -> Response:
    forms = [(kind.value, kind.label) for kind in BusinessForm]
    facts = {"title": TITLE, "page": form, "event_id": uuid4(), "business_forms": forms}
    return page.show("yayoi/business_group.html", facts)
