"""What the applicant does on a case's pages: correct a pair, release the sharing, withdraw an office (Y13, Y27)."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from fastapi.templating import Jinja2Templates
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from models.common.refusals import RefusedError
from models.tables import ApplicationOfficeRow, SharingRow
from models.yayoi.customer_events import CustomerEvent, SharingReleaseClaimed, SharingReleaseConsented, Withdrawn
from models.yayoi.procedures import Procedure
from models.yayoi.store.event_cases import UnknownCaseError
from models.yayoi.store.events import EventRefusedError, OtherEventError
from models.yayoi.store.office_names import office_names
from web.common.auth import Auth, Limit, client_address, page_router
from web.common.page_form import PageForm, sent_values
from web.common.problems import ProblemError
from web.common.submission_ids import event_id_of
from web.yayoi.applicant.case_access import CaseAccess, Link, OpenedCase
from web.yayoi.applicant.case_pages import whole_link
from web.yayoi.applicant.case_progress import CaseProgress
from web.yayoi.applicant.case_view import CaseAction
from web.yayoi.applicant.case_words import for_applicants
from web.yayoi.applicant.correction import LABELS, Correction
from web.yayoi.event_delivery import EventDelivery

SENT_BEFORE = "この画面の内容は、すでに別の内容で送信されています。お手続きの状況の画面を開き直して、確認してください。"
NOT_CONSENTED = "弥生が代わりに解除することに同意する場合は、チェックを付けてください。"
SEND, CHANGE, RELEASED = "send", "change", "released"


@dataclass(frozen=True)
class About:
    """The office that the applicant does something about."""

    case: OpenedCase
    pair: ApplicationOfficeRow

    @property
    def procedure(self) -> Procedure:
        return Procedure(self.case.application.procedure)

    def path(self, action: CaseAction) -> str:
        return self.case.action_path(self.pair.office_no, action)


def case_actions(
    sessions: async_sessionmaker[AsyncSession],
    deliveries: EventDelivery,
    progress: CaseProgress,
    templates: Jinja2Templates,
    auth: Auth,
    *,
    secret_key: str,
) -> APIRouter:
    router = page_router()
    access = CaseAccess(sessions, secret_key)
    pages = _ActionPages(sessions, deliveries, progress, templates)

    async def about(link: Annotated[Link, Depends(whole_link)], office_no: int) -> About:
        """Open the office by the applicant's own link: that of the office alone does not let act."""
        case = await access.open(link)
        return About(case, case.pair(office_no))

    office = "/applications/{application_no}/offices/{office_no}"
    Office = Annotated[About, Depends(about)]  # noqa: N806 a type

    @router.get(f"{office}/correct")
    async def correction(request: Request, about: Office) -> Response:
        return await pages.correction(request, about, PageForm(LABELS))

    @router.post(f"{office}/correct")
    async def correct(request: Request, about: Office) -> Response:
        # Both steps tell what offices are called: nobody tries tokens in numbers.
        await auth.limit(Limit.SUBMISSION, client_address(request))
        return await pages.correct(request, about, await request.form())

    @router.get(f"{office}/sharing")
    async def sharing(request: Request, about: Office) -> Response:
        return await pages.sharing(request, about, PageForm({}))

    @router.post(f"{office}/sharing")
    async def release(request: Request, about: Office) -> Response:
        return await pages.release(request, about, await request.form())

    @router.get(f"{office}/withdraw")
    async def withdrawal(request: Request, about: Office) -> Response:
        return pages.withdrawal(request, about, PageForm({}))

    @router.post(f"{office}/withdraw")
    async def withdraw(request: Request, about: Office) -> Response:
        return await pages.withdraw(request, about, await request.form())

    return router


class _ActionPages:
    def __init__(
        self,
        sessions: async_sessionmaker[AsyncSession],
        deliveries: EventDelivery,
        progress: CaseProgress,
        templates: Jinja2Templates,
    ) -> None:
        self._sessions = sessions
        self._deliveries = deliveries
        self._progress = progress
        self._templates = templates

    # --- the pair is corrected ----------------------------------------------------------------------------------------

    async def correction(
        self, request: Request, about: About, form: PageForm, status: HTTPStatus = HTTPStatus.OK
    ) -> Response:
        standing = await self._progress.office(about.case.application_no, about.pair.office_no)
        points = standing.open_points if standing else ()
        return self._show(request, "yayoi/case_correct.html", about, form, status, points=points)

    async def correct(self, request: Request, about: About, sent: Mapping[str, Any]) -> Response:
        form = PageForm(LABELS, sent_values(sent, "event_id", *LABELS))
        if sent.get("action") == CHANGE:
            return await self.correction(request, about, form)
        try:
            correction = Correction.of(form.values, about.pair)
        except RefusedError as refused:
            wrong = form.refused({error.field: error.message for error in refused.errors})
            return await self.correction(request, about, wrong, HTTPStatus.UNPROCESSABLE_ENTITY)
        if sent.get("action") == SEND:
            event = correction.event(event_id_of(sent), about.case.application_no, about.pair.office_no)
            refusal = await self._deliver(event)
            if refusal:
                return await self.correction(request, about, form.refused({"": refusal}), HTTPStatus.CONFLICT)
            return self._done(about, event)
        token = correction.office_token or about.pair.office_token
        async with self._sessions() as session:
            names = await office_names(session, about.case.application.existing_contract_id, [token])
        return self._show(
            request,
            "yayoi/case_correct_confirm.html",
            about,
            form,
            correction=correction,
            office_token=token,
            office_name=names.get(token or ""),
        )

    # --- the sharing is released (Y13) --------------------------------------------------------------------------------

    async def sharing(
        self, request: Request, about: About, form: PageForm, status: HTTPStatus = HTTPStatus.OK
    ) -> Response:
        async with self._sessions() as session:
            firms = await session.scalars(
                select(SharingRow.firm)
                .where(SharingRow.office_token == about.pair.office_token, SharingRow.ended_at.is_(None))
                .order_by(SharingRow.sharing_id)
            )
            return self._show(request, "yayoi/case_sharing.html", about, form, status, firms=firms.all())

    async def release(self, request: Request, about: About, sent: Mapping[str, Any]) -> Response:
        said: dict[str, Any] = {
            "event_id": event_id_of(sent),
            "application_no": about.case.application_no,
            "office_no": about.pair.office_no,
        }
        event: CustomerEvent
        if sent.get("action") == RELEASED:
            event = SharingReleaseClaimed(**said)
        elif sent.get("consent"):
            event = SharingReleaseConsented(**said)
        else:
            form = PageForm({"consent": "同意"}, errors={"consent": NOT_CONSENTED})
            return await self.sharing(request, about, form, HTTPStatus.UNPROCESSABLE_ENTITY)
        refusal = await self._deliver(event)
        if refusal:
            return await self.sharing(request, about, PageForm({}, errors={"": refusal}), HTTPStatus.CONFLICT)
        return self._done(about, event)

    # --- the office is withdrawn (Y27) --------------------------------------------------------------------------------

    def withdrawal(
        self, request: Request, about: About, form: PageForm, status: HTTPStatus = HTTPStatus.OK
    ) -> Response:
        return self._show(request, "yayoi/case_withdraw.html", about, form, status)

    async def withdraw(self, request: Request, about: About, sent: Mapping[str, Any]) -> Response:
        event = Withdrawn(
            event_id=event_id_of(sent), application_no=about.case.application_no, office_no=about.pair.office_no
        )
        refusal = await self._deliver(event)
        if refusal:
            return self.withdrawal(request, about, PageForm({}, errors={"": refusal}), HTTPStatus.CONFLICT)
        return self._done(about, event)

    # --- helpers ------------------------------------------------------------------------------------------------------

    async def _deliver(self, event: CustomerEvent) -> str | None:
        """Bring it to the procedure, now or as soon as that can be reached; return why it was refused, if it was."""
        try:
            await self._deliveries.take(event)
        except OtherEventError:
            raise ProblemError(HTTPStatus.CONFLICT, SENT_BEFORE) from None
        except (EventRefusedError, UnknownCaseError) as refused:
            return for_applicants(str(refused))
        return None

    @staticmethod
    def _done(about: About, event: CustomerEvent) -> Response:
        return RedirectResponse(f"{about.case.path}&event={event.event_id}", HTTPStatus.SEE_OTHER)

    def _show(
        self,
        request: Request,
        template: str,
        about: About,
        form: PageForm,
        status: HTTPStatus = HTTPStatus.OK,
        **facts: Any,
    ) -> Response:
        # A form that is shown anew is a new event: what was refused may be sent again as it is.
        event_id = form.value("event_id") if not form.errors and form.value("event_id") else str(uuid4())
        shown = {"about": about, "page": form, "event_id": event_id, "new_event_id": str(uuid4())} | facts
        return self._templates.TemplateResponse(request, template, shown, status)
