"""The pages of a case, for whoever holds its signed link: the whole case for the applicant, one office for its pair."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Query, Request
from fastapi.responses import Response
from fastapi.templating import Jinja2Templates
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from models.common.calendar import day_in_japan
from models.tables import ApplicationOfficeRow, ApplicationRow
from models.yayoi.case_links import Opening
from models.yayoi.identifiers import ApplicationNo
from models.yayoi.mails import AUTOMATIC_MAIL_SUBJECT, NOTICE_SUBJECT, MailKind
from models.yayoi.messages import SendMail
from models.yayoi.procedures import Procedure
from web.common.auth import Auth, Limit, page_router
from web.common.problems import ProblemError
from web.common.temporal_calls import UnreachableError, temporal_call
from web.yayoi.applicant.case_access import NO_SUCH_CASE, CaseAccess, Link, LinkExpiredError, OpenedCase
from web.yayoi.applicant.case_progress import CaseProgress
from web.yayoi.applicant.case_records import Recorded, done_here, recorded_offices
from web.yayoi.applicant.case_view import office_view
from workflows.yayoi.case_link_mail import CaseLinkMail

Key = Annotated[str, Query()]
JUST_RECEIVED = timedelta(hours=1)
"""How long the page on which an applicant lands is headed as the receipt."""


def whole_link(application_no: str, until: Key = "", key: Key = "") -> Link:
    """The applicant's own link, as it stands in the address."""
    return Link(application_no, until, key)


def office_link(application_no: str, office_no: int, until: Key = "", key: Key = "") -> Link:
    """The link to one office alone, as it stands in the address."""
    return Link(application_no, until, key, office_no)


LATER = "ただいまメールをお送りできません。しばらくしてから、もう一度お試しください。"


def case_pages(
    sessions: async_sessionmaker[AsyncSession],
    client: Client,
    templates: Jinja2Templates,
    auth: Auth,
    *,
    secret_key: str,
    task_queue: str,
) -> APIRouter:
    router = page_router()
    access, progress = CaseAccess(sessions, secret_key), CaseProgress(client)
    renewal = _Renewal(sessions, client, templates, auth, secret_key, task_queue)

    async def show(request: Request, case: OpenedCase, event: str, *, received: bool) -> Response:
        row = case.application
        async with sessions() as session:
            recorded = await recorded_offices(session, case.application_no)
            told = await done_here(session, case.application_no, event) if case.whole else None
        standing = await progress.offices(case.application_no) if row.started_at else {}
        if told and (office := await progress.office(case.application_no, told.office_no)):
            standing[told.office_no] = office
        procedure = Procedure(row.procedure)
        offices = [
            office_view(pair, standing.get(pair.office_no), procedure, recorded.get(pair.office_no, Recorded()))
            for pair in case.pairs
        ]
        facts = {
            "case": case,
            "row": row,
            "applied_on": day_in_japan(row.applied_at),
            "offices": offices,
            "awaiting_notice": any(office.awaits_notice for office in offices),
            "told": told,
            # People keep the address they land on: an hour later it tells how the case stands, like any other link.
            "received": received and datetime.now(UTC) < row.applied_at + JUST_RECEIVED,
            "delayed": row.started_at is not None and not standing,
            "linked": procedure.linked,
            "closed": row.closed_at is not None,
            "notice_subject": NOTICE_SUBJECT,
            "automatic_mail_subject": AUTOMATIC_MAIL_SUBJECT,
        }
        return templates.TemplateResponse(request, "yayoi/case.html", facts)

    @router.get("/applications/{application_no}")
    async def whole(
        request: Request, link: Annotated[Link, Depends(whole_link)], event: Key = "", received: Key = ""
    ) -> Response:
        return await show(request, await access.open(link), event, received=bool(received))

    @router.get("/applications/{application_no}/offices/{office_no}")
    async def one_office(request: Request, link: Annotated[Link, Depends(office_link)]) -> Response:
        return await show(request, await access.open(link), "", received=False)

    @router.post("/applications/{application_no}/link")
    async def renew(request: Request, link: Annotated[Link, Depends(whole_link)]) -> Response:
        return await renewal.mail(request, link)

    @router.post("/applications/{application_no}/offices/{office_no}/link")
    async def renew_office(request: Request, link: Annotated[Link, Depends(office_link)]) -> Response:
        return await renewal.mail(request, link)

    return router


def answer_expired_links(app: FastAPI, templates: Jinja2Templates) -> None:
    """Say that a link has expired, and offer to mail a fresh one to the registered address."""

    async def expired(request: Request, error: Exception) -> Response:
        link = error.link if isinstance(error, LinkExpiredError) else None
        return templates.TemplateResponse(request, "yayoi/link_expired.html", {"link": link}, HTTPStatus.GONE)

    app.add_exception_handler(LinkExpiredError, expired)


@dataclass(frozen=True)
class _Renewal:
    """Mails a fresh link, to the address that is registered alone, and not more than one an hour."""

    sessions: async_sessionmaker[AsyncSession]
    client: Client
    templates: Jinja2Templates
    auth: Auth
    secret_key: str
    task_queue: str

    async def mail(self, request: Request, link: Link) -> Response:
        now = datetime.now(UTC)
        if link.opening(self.secret_key, day_in_japan(now)) is Opening.FORGED or not await self._exists(link):
            raise ProblemError(HTTPStatus.NOT_FOUND, NO_SUCH_CASE)
        await self.auth.limit(Limit.CODE_MAIL, f"case link {link.application_no}/{link.office_no}")
        hour = now.timestamp() // timedelta(hours=1).total_seconds()
        mail = SendMail(
            application_no=ApplicationNo(link.application_no),
            office_no=link.office_no,
            kind=MailKind.CASE_LINK,
            at=now,
            occurrence=int(hour),
        )
        try:
            async with temporal_call():
                await self.client.start_workflow(
                    CaseLinkMail.run,
                    mail,
                    id=f"case-link/{link.application_no}/{link.office_no or '-'}/{int(hour)}",
                    task_queue=self.task_queue,
                    id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                    id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                    static_summary=f"{link.application_no} の画面のアドレスを送り直す",
                )
        except WorkflowAlreadyStartedError:
            pass  # it was mailed within this hour: what was sent then still opens
        except UnreachableError:
            raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, LATER) from None
        return self.templates.TemplateResponse(
            request, "yayoi/link_mailed.html", {"for_office": link.office_no is not None}
        )

    async def _exists(self, link: Link) -> bool:
        async with self.sessions() as session:
            if link.office_no is None:
                return await session.get(ApplicationRow, link.application_no) is not None
            return await session.get(ApplicationOfficeRow, (link.application_no, link.office_no)) is not None
