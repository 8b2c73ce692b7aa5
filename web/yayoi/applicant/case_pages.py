"""The pages of a case, for whoever holds its signed link: the whole case for the applicant, one office for its pair."""

from datetime import timedelta
from functools import partial
from http import HTTPStatus

from fastapi import Request
from fastapi.responses import RedirectResponse, Response
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy

from models.common.calendar import day_in_japan
from models.common.store.case_status import statuses_of_parts
from models.yayoi.case_links import Opening, number_of
from models.yayoi.identifiers import ApplicationNo, YayoiId, link_mail_workflow_id
from models.yayoi.mails import AUTOMATIC_MAIL_SUBJECT, NOTICE_SUBJECT, MailKind
from models.yayoi.messages import SendMail
from models.yayoi.store.case_records import case_event, recorded_case
from models.yayoi.store.confirmations import is_unconfirmed
from models.yayoi.store.ended_links import end_link
from web.common.auth import page_router
from web.common.context import Context, WebContext
from web.common.problems import ProblemError
from web.common.sent_forms import form_on
from web.common.strangers import start_in_its_place
from web.common.temporal_calls import UnreachableError, temporal_call
from web.yayoi.accounts.signed_in import Visitor
from web.yayoi.applicant.case_access import (
    NOT_CONFIRMED_YET,
    Link,
    LinkOverError,
    OfficeLink,
    OneOffice,
    OpenedCase,
    Text,
    WholeCase,
    WholeLink,
    no_such_case,
    open_case,
)
from web.yayoi.applicant.case_calendar import deadlines_of
from web.yayoi.applicant.case_sections import sections_of
from web.yayoi.applicant.case_words import for_applicants
from web.yayoi.limits import YayoiGuess, YayoiLimit
from workflows.yayoi.case_link_mail import CaseLinkMail

JUST_RECEIVED = timedelta(hours=1)
"""How long the page on which an applicant lands is headed as the receipt."""
LINK_MAILED = "/link-mailed"
LATER = "ただいまメールをお送りできません。しばらくしてから、もう一度お試しください。"

router = page_router()


@router.get("/applications/{application_no}")
async def show_case(
    request: Request, context: Context, case: WholeCase, visitor: Visitor, *, event: Text = "", received: Text = ""
) -> Response:
    return await _show(request, context, case, visitor, event_id=event, received=bool(received))


@router.get("/applications/{application_no}/offices/{office_no}")
async def show_office(request: Request, context: Context, case: OneOffice, visitor: Visitor) -> Response:
    return await _show(request, context, case, visitor)


@router.post("/applications/{application_no}/link")
@form_on(None)
async def renew_link(context: Context, link: WholeLink) -> Response:
    return await _mail_asked_for(context, link)


@router.post("/applications/{application_no}/offices/{office_no}/link")
@form_on(None)
async def renew_office_link(context: Context, link: OfficeLink) -> Response:
    return await _mail_asked_for(context, link)


@router.post("/applications/{application_no}/link/end")
@form_on(None)
async def replace_link(context: Context, link: WholeLink) -> Response:
    return await _end_link(context, link)


@router.post("/applications/{application_no}/offices/{office_no}/link/end")
@form_on(None)
async def replace_office_link(context: Context, link: OfficeLink) -> Response:
    return await _end_link(context, link)


@router.get(LINK_MAILED)
async def show_link_mailed(request: Request, context: Context, office: Text = "") -> Response:
    return context.show(request, "yayoi/link_mailed.html", {"for_office": bool(office)})


async def _show(
    request: Request,
    context: WebContext,
    case: OpenedCase,
    visitor: YayoiId | None,
    *,
    event_id: str = "",
    received: bool = False,
) -> Response:
    row = case.application
    async with context.sessions() as session:
        statuses = await statuses_of_parts(session, case.application_no)
        offices = await sections_of(session, case, statuses)
        event = await case_event(session, case.application_no, event_id) if case.whole else None
    facts = {
        "case": case,
        "visitor": visitor,  # who is signed in sees which steps another Yayoi ID has to take
        "row": row,
        "applied_on": day_in_japan(row.applied_at),
        "offices": offices,
        "deadlines": deadlines_of(row, case.pairs, statuses),
        "awaiting_notice": any(office.awaits_notice for office in offices),
        "event": event,
        "refusal": for_applicants(event.refused_because) if event else "",
        # People keep the address they land on: an hour later it says how far the case is, like any other link.
        "received": received and context.now() < row.applied_at + JUST_RECEIVED,
        "closed": all(office.ended for office in offices),
        "notice_subject": NOTICE_SUBJECT,
        "automatic_mail_subject": AUTOMATIC_MAIL_SUBJECT,
    }
    response = context.show(request, "yayoi/case.html", facts)
    if issued := [office.contract_id for office in offices if office.contract_id]:
        # Whoever comes by the link of the notice is not kept out of STEP5 by what strangers have tried (Y19).
        context.auth.devices.remember(request, response, YayoiGuess.NOTICE, *issued)
    return response


async def _end_link(context: WebContext, link: Link) -> Response:
    """End the link by which the case was opened, and mail a fresh one: whoever else has it is kept out, too."""
    try:
        case = await open_case(link, context)
    except LinkOverError:
        return RedirectResponse(link.path, HTTPStatus.SEE_OTHER)  # there it says so
    if case.unconfirmed:
        raise ProblemError(HTTPStatus.CONFLICT, NOT_CONFIRMED_YET)
    async with context.sessions.begin() as session:
        await end_link(session, link.application_no, link.office_no, number_of(link.key), at=context.now())
    # Not limited: otherwise who has used up the limit by the same link would keep its owner without any.
    return await _mail_link(context, link)


async def _mail_asked_for(context: WebContext, link: Link) -> Response:
    if link.opening(context) is Opening.FORGED:
        raise no_such_case()
    await context.auth.limit(YayoiLimit.CASE_LINK, f"{link.application_no}/{link.office_no}")
    return await _mail_link(context, link)


async def _mail_link(context: WebContext, link: Link) -> Response:
    """Mail a fresh link, to the address that is registered alone, and not more than one an hour of each number.

    `link` is a genuine one, whether or not it opens anything.
    """
    async with context.sessions() as session:
        if (case := await recorded_case(session, link.application_no, link.office_no)) is None:
            raise no_such_case()
        if await is_unconfirmed(session, link.application_no, link.office_no):
            raise ProblemError(HTTPStatus.CONFLICT, NOT_CONFIRMED_YET)
    link_no = link.current_no(*case)
    now = context.now()
    hour = int(now.timestamp() // timedelta(hours=1).total_seconds())
    mail = SendMail(
        case_no=link.application_no,
        part=link.office_no,
        kind=MailKind.CASE_LINK,
        at=now,
        occurrence=hour + link_no,  # of two mails the later has the greater sum: neither of the two ever falls
    )
    workflow_id = link_mail_workflow_id(ApplicationNo(link.application_no), link.office_no, f"{hour}/{link_no}")
    start = partial(
        context.client.start_workflow,
        CaseLinkMail.run,
        mail,
        id=workflow_id,
        task_queue=context.task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
        id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,  # what was mailed within this hour still opens
        static_summary=f"{link.application_no} の画面のリンクを送り直す",
    )
    try:
        async with temporal_call():
            await start_in_its_place(context.client, workflow_id, start)
    except UnreachableError:
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, LATER) from None
    return RedirectResponse(LINK_MAILED + ("?office=true" if link.office_no else ""), HTTPStatus.SEE_OTHER)
