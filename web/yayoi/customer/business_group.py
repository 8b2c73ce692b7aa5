"""STEP6, first: the business group, created by the pair's own Yayoi ID (Y20)."""

from uuid import uuid4

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import ValidationError

from models.yayoi.business_groups import BusinessForm
from models.yayoi.customer_events import CUSTOMER_PAGES
from models.yayoi.events import BusinessGroupCreatedEvent
from models.yayoi.procedures import SetUpStep
from web.common.page_form import PageForm, messages, sent_values
from web.common.submission_ids import event_id_of
from web.yayoi.customer.parts import Parts
from web.yayoi.customer.set_up import Place, after, cannot, place_of

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
NO_CASE = "この弥生ID 宛てのお申し込みが見つかりません。お知らせメールが届いた弥生ID でログインし直してください。"


def business_group_pages(parts: Parts) -> APIRouter:
    router = parts.router()

    def show(request: Request, place: Place, form: PageForm) -> Response:
        facts = {"visitor": place.visitor, "standing": place.standing, "title": TITLE, "page": form}
        forms = [(kind.value, kind.label) for kind in BusinessForm]
        return parts.show(request, "yayoi/business_group.html", {**facts, "event_id": uuid4(), "business_forms": forms})

    @router.get("/group")
    async def form(request: Request) -> Response:
        place = await place_of(parts, request)
        if place.standing is None:
            return cannot(parts, request, place, TITLE, NO_CASE)
        if refusal := place.standing.refuse(SetUpStep.BUSINESS_GROUP):
            return cannot(parts, request, place, TITLE, refusal)
        return show(request, place, PageForm(LABELS))

    @router.post("/group")
    async def create(request: Request) -> Response:
        place = await place_of(parts, request)
        sent = await request.form()
        form = PageForm(LABELS, sent_values(sent, *LABELS))
        try:
            event = BusinessGroupCreatedEvent.model_validate(
                {
                    "event_id": event_id_of(sent),
                    "source": CUSTOMER_PAGES,
                    "kind": "business_group_created",
                    "yayoi_id": place.visitor.yayoi_id,
                    "group_name": form.value("group_name").strip(),
                    "details": {
                        path.removeprefix("details."): form.value(path)
                        for path in LABELS
                        if path.startswith("details.")
                    },
                }
            )
        except ValidationError as invalid:
            return show(request, place, form.refused(_said(messages(invalid, form.values))))
        reported = await parts.report(event)
        if reported.refusal:
            return show(request, place, form.refused({"": reported.refusal}))
        return after(SetUpStep.BUSINESS_GROUP, reported)

    return router


def _said(errors: dict[str, str]) -> dict[str, str]:
    """A choice that was not made is asked for in its own words."""
    if "details.business_form" in errors:
        return errors | {"details.business_form": "どちらかを選んでください。"}
    return errors
