"""What applicants reach: the form (STEP4) and the page of their own case. No script is needed for either."""

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import RedirectResponse, Response
from fastapi.templating import Jinja2Templates
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from starlette.exceptions import HTTPException
from temporalio.client import Client, WorkflowQueryFailedError
from temporalio.service import RPCError

from models.application_form import NO_FEE
from models.calendar import JST, day_in_japan
from models.case_links import Opening, case_path, link_expiry, opening
from models.identifiers import ApplicationNo, application_workflow_id
from models.mails import AUTOMATIC_MAIL_SUBJECT, NOTICE_SUBJECT
from models.messages import ApplicationProgress
from models.procedures import Procedure
from models.refusals import RefusedError
from models.tables import ApplicationOfficeRow, ApplicationRow
from web.apply_form import Page, empty_page, page_of
from web.case_view import office_view
from web.doors import Doors, Limit, client_address
from web.intake import Intake, OtherContentError, Receipt
from web.problems import ProblemError
from web.reaching import UnreachableError, reaching_temporal
from web.repeating import Repeating
from workflows.multi_office_application import MultiOfficeApplication

NO_SUCH_CASE = "アドレスが正しくないか、お申し込みがありません。受付メールのリンクをもう一度開いてください。"
OTHER_APPLICATION = (
    "このフォームのお申し込みは、すでに受け付けています。変更する場合は、新しいフォームを開いてください。"
)
STALE_FORM = "フォームを読み取れませんでした。お手数ですが、申込フォームを開き直してください。"

QUERY_PATIENCE = timedelta(seconds=3)
"""How long the case page waits for the procedure before it shows what the records say."""


def apply_pages(
    intake: Intake, starting: Repeating, templates: Jinja2Templates, doors: Doors, *, secret_key: str
) -> APIRouter:
    router = APIRouter(include_in_schema=False, dependencies=[Depends(doors.checked)])

    def show(request: Request, page: Page, status: HTTPStatus = HTTPStatus.OK) -> Response:
        return templates.TemplateResponse(request, "apply.html", {"page": page, "no_fee": NO_FEE}, status)

    @router.get("/apply")
    async def form(request: Request) -> Response:
        return show(request, empty_page())

    @router.post("/apply")
    async def apply(request: Request) -> Response:
        try:
            async with request.form(max_files=0, max_fields=200) as sent:
                page, action = page_of(sent), str(sent.get("action"))
        except HTTPException:
            raise ProblemError(HTTPStatus.BAD_REQUEST, STALE_FORM) from None
        if (changed := page.after(action)) is not None:
            return show(request, changed)
        await doors.limit(Limit.SUBMISSION, client_address(request))
        page = page.without_blank_rows()
        try:
            receipt = await _receive(intake, page)
        except RefusedError as refused:
            return show(request, page.with_errors(refused.errors), HTTPStatus.UNPROCESSABLE_ENTITY)
        if receipt.new:
            starting.wake()
        # Relative: the browser stays at the address it came by, as the form's policy demands.
        address = case_path(secret_key, receipt.application_no, link_expiry(receipt.due_date))
        return RedirectResponse(address, HTTPStatus.SEE_OTHER)

    return router


async def _receive(intake: Intake, page: Page) -> Receipt:
    """Raise `RefusedError` for what the applicant can mend, `ProblemError` for what a new form must mend."""
    try:
        return await intake.receive(page.form())
    except RefusedError as refused:
        if any(error.field == "submission_id" for error in refused.errors):
            raise ProblemError(HTTPStatus.BAD_REQUEST, STALE_FORM) from None
        raise
    except OtherContentError:
        raise ProblemError(HTTPStatus.CONFLICT, OTHER_APPLICATION) from None


def case_pages(
    sessions: async_sessionmaker[AsyncSession], client: Client, templates: Jinja2Templates, *, secret_key: str
) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/applications/{application_no}")
    async def case(
        request: Request, application_no: str, until: Annotated[str, Query()] = "", key: Annotated[str, Query()] = ""
    ) -> Response:
        today = day_in_japan(datetime.now(UTC))
        if opening(secret_key, application_no, until, key, today=today) is not Opening.OPEN:
            raise ProblemError(HTTPStatus.NOT_FOUND, NO_SUCH_CASE)
        async with sessions() as session:
            row = await session.get(ApplicationRow, application_no)
            if row is None:
                raise ProblemError(HTTPStatus.NOT_FOUND, NO_SUCH_CASE)
            pairs = (
                await session.scalars(
                    select(ApplicationOfficeRow)
                    .where(ApplicationOfficeRow.application_no == application_no)
                    .order_by(ApplicationOfficeRow.office_no)
                )
            ).all()
        progress = await progress_of(ApplicationNo(application_no)) if row.started_at else None
        offices = {office.office_no: office for office in progress.offices} if progress else {}
        procedure = Procedure(row.procedure)
        facts = {
            "row": row,
            "applied_on": row.applied_at.astimezone(JST).date(),
            "offices": [office_view(pair, offices.get(pair.office_no), procedure) for pair in pairs],
            "delayed": row.started_at is not None and progress is None,
            "linked": procedure.linked,
            "closed": row.closed_at is not None,
            "notice_subject": NOTICE_SUBJECT,
            "automatic_mail_subject": AUTOMATIC_MAIL_SUBJECT,
        }
        return templates.TemplateResponse(request, "case.html", facts)

    async def progress_of(application_no: ApplicationNo) -> ApplicationProgress | None:
        handle = client.get_workflow_handle(application_workflow_id(application_no))
        try:
            async with reaching_temporal(QUERY_PATIENCE):
                return await handle.query(MultiOfficeApplication.progress)
        except (UnreachableError, RPCError, WorkflowQueryFailedError):
            return None  # the page then tells what the records say

    return router
