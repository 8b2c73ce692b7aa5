"""Enquiries: refused for a new contract ID with what to do instead, else forwarded to the operators' desk (Y16)."""

from http import HTTPStatus
from typing import Annotated
from uuid import uuid4

from fastapi import Depends, Query, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import ValidationError

from models.yayoi.enquiries import MAX_TEXT_LENGTH, NO_SUPPORT, EnquiryForm
from models.yayoi.store.enquiries import Enquiries
from web.common.auth import SharedLimit, client_address, page_router
from web.common.context import Context, given
from web.common.page_form import messages, sent_values
from web.common.sent_forms import FormRefusedError, Kept
from web.common.submission_ids import event_id_of

LABELS = {
    "contract_id": "サービス契約ID（お客様番号）",
    "application_no": "申込番号",
    "name": "お名前",
    "mail_address": "メールアドレス",
    "text": "お問い合わせの内容",
}
router = page_router()


@router.get("/enquiry")
async def form(request: Request, context: Context, kept: Kept, about: Annotated[str, Query()] = "") -> Response:
    page = kept.page(LABELS, text="登録名義の変更について\n" if about == "name" else "")
    facts = {"page": page, "event_id": uuid4(), "most": MAX_TEXT_LENGTH}
    return context.show(request, "yayoi/enquiry.html", facts)


@router.post("/enquiry")
async def send(
    request: Request, context: Context, enquiries: Annotated[Enquiries, Depends(given(Enquiries))]
) -> Response:
    sent = await request.form()
    typed = sent_values(sent, *LABELS)
    try:
        enquiry = EnquiryForm.model_validate(typed)
    except ValidationError as invalid:
        raise FormRefusedError(messages(invalid, typed)) from None
    await context.auth.limit(SharedLimit.SUBMISSION, client_address(request))
    if await enquiries.is_issued(enquiry.contract_id):
        raise FormRefusedError({"contract_id": NO_SUPPORT})
    receipt_no = await enquiries.take(enquiry, event_id_of(sent))
    return RedirectResponse(f"/enquiry/done?receipt={receipt_no}", HTTPStatus.SEE_OTHER)


@router.get("/enquiry/done")
async def done(
    request: Request, context: Context, receipt: Annotated[str, Query(pattern="^Q-[0-9]{6,9}$")]
) -> Response:
    return context.show(request, "yayoi/enquiry_done.html", {"receipt": receipt})
