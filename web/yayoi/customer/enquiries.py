"""Enquiries: refused for a new contract ID with the right way to go, else forwarded to the operators' desk (Y16)."""

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Annotated
from uuid import UUID, uuid4

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, Field, ValidationError
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from models.tables import EnquiryRow, IssuedContractRow, enquiry_count
from models.yayoi.enquiries import MAX_TEXT_LENGTH, NO_SUPPORT, EnquiryRef
from models.yayoi.events import Name
from models.yayoi.identifiers import ContractId, YayoiId
from web.common.auth import Limit, client_address
from web.common.background_jobs import PeriodicJob
from web.common.page_form import PageForm, messages, sent_values
from web.common.submission_ids import event_id_of
from web.common.workflow_notifier import Notification
from web.yayoi.customer.parts import Parts
from workflows.yayoi import search_attributes
from workflows.yayoi.enquiry_forwarding import ROW_CHANGED, EnquiryForwarding

LABELS = {
    "contract_id": "サービス契約ID（お客様番号）",
    "name": "お名前",
    "mail_address": "メールアドレス",
    "text": "お問い合わせの内容",
}


class _Enquiry(BaseModel):
    contract_id: ContractId
    name: Name
    mail_address: YayoiId
    text: Annotated[str, Field(min_length=1, max_length=MAX_TEXT_LENGTH)]


def enquiry_pages(parts: Parts, forwarding: PeriodicJob) -> APIRouter:
    router = parts.router()

    def ask(request: Request, form: PageForm) -> Response:
        return parts.show(request, "yayoi/enquiry.html", {"page": form, "event_id": uuid4(), "most": MAX_TEXT_LENGTH})

    @router.get("/enquiry")
    async def enquiry(request: Request, about: Annotated[str, Query()] = "") -> Response:
        return ask(request, PageForm(LABELS, {"text": "登録名義の変更について\n"} if about == "name" else {}))

    @router.post("/enquiry")
    async def take(request: Request) -> Response:
        sent = await request.form()
        form = PageForm(LABELS, sent_values(sent, *LABELS))
        try:
            typed = _Enquiry.model_validate(_stripped(form.values))
        except ValidationError as invalid:
            return ask(request, form.refused(messages(invalid, form.values)))
        await parts.auth.limit(Limit.SUBMISSION, client_address(request))
        async with parts.sessions.begin() as session:
            if await is_new(session, typed.contract_id):
                return ask(request, form.refused({"contract_id": NO_SUPPORT}))
            receipt_no = await _store(session, typed, event_id_of(sent), parts.now())
        forwarding.wake()
        return RedirectResponse(f"/enquiry/done?receipt={receipt_no}", HTTPStatus.SEE_OTHER)

    @router.get("/enquiry/done")
    async def taken(request: Request, receipt: Annotated[str, Query(pattern="^Q-[0-9]{6,9}$")]) -> Response:
        return parts.show(request, "yayoi/enquiry_done.html", {"receipt": receipt})

    return router


def telling(row: EnquiryRow) -> Notification:
    """What the forwarding of an enquiry is told."""
    enquiry = EnquiryRef(receipt_no=row.receipt_no)
    return Notification(
        workflow=EnquiryForwarding.run,
        workflow_id=enquiry.workflow_id,
        case=enquiry,
        signal=ROW_CHANGED,
        change=enquiry,
        summary=f"お問い合わせ {row.receipt_no}（お客様番号 {row.contract_id}）",
        details="お客様のお問い合わせを、担当窓口のメールへ転送します。内容は、届いたメールで確認してください。",
        search_attributes=search_attributes.of_enquiry(),
    )


def _stripped(values: Mapping[str, str]) -> dict[str, str]:
    return {name: value.strip() for name, value in values.items()}


async def is_new(session: AsyncSession, contract_id: ContractId) -> bool:
    """Whether it is an ID that was issued for several offices: it never was any other kind of number (Y15)."""
    return await session.get(IssuedContractRow, contract_id) is not None


async def _store(session: AsyncSession, typed: _Enquiry, submission_id: UUID, now: datetime) -> str:
    """Store it once, however often the form is sent; return its receipt number."""
    count = await session.scalar(select(enquiry_count.next_value()))
    await session.execute(
        insert(EnquiryRow)
        .values(
            receipt_no=f"Q-{count:06d}",
            submission_id=submission_id,
            received_at=now,
            changed_at=now,
            **typed.model_dump(),
        )
        .on_conflict_do_nothing(index_elements=[EnquiryRow.submission_id])
    )
    stored = await session.scalar(select(EnquiryRow.receipt_no).where(EnquiryRow.submission_id == submission_id))
    return str(stored)
