"""The application form (STEP4): filled in, confirmed pair by pair, and only then sent. No script is needed."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response
from fastapi.templating import Jinja2Templates
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from models.common.refusals import RefusedError
from models.yayoi.application_form import NO_FEE, ApplicationForm
from models.yayoi.case_links import case_path, link_expiry
from models.yayoi.store.intake import Intake, OtherContentError
from models.yayoi.store.office_names import office_names
from web.common.auth import Auth, Limit, client_address, page_router
from web.common.background_jobs import PeriodicJob
from web.common.problems import ProblemError
from web.yayoi.applicant.apply_form import ApplicationPage, empty_page, page_of

OTHER_APPLICATION = (
    "このフォームのお申し込みは、すでに受け付けています。変更する場合は、新しいフォームを開いてください。"
)
STALE_FORM = "フォームを読み取れませんでした。お手数ですが、申込フォームを開き直してください。"
CHANGE, SEND = "change", "send"


@dataclass(frozen=True)
class ConfirmedPair:
    """One pair as the confirmation repeats it, in its normal form (Y8)."""

    yayoi_id: str
    office_token: str | None
    office_name: str | None
    """None: no office of the contract has this token (Y5), or none is asked for (Y9)."""
    issued_contract_id: str | None


def apply_pages(
    sessions: async_sessionmaker[AsyncSession],
    intake: Intake,
    starting: PeriodicJob,
    templates: Jinja2Templates,
    auth: Auth,
    *,
    secret_key: str,
) -> APIRouter:
    router = page_router()
    pages = _ApplyPages(sessions, intake, starting, templates, secret_key)

    @router.get("/apply")
    async def form(request: Request, yayoi_id: Annotated[list[str] | None, Query()] = None) -> Response:
        return pages.form(request, empty_page(yayoi_id or []))

    @router.post("/apply")
    async def apply(request: Request) -> Response:
        sent = await request.form()
        page, action = page_of(sent), str(sent.get("action"))
        if (changed := page.after(action)) is not None:
            return pages.form(request, changed)
        if action == CHANGE:
            return pages.form(request, page)
        # The confirmation tells what offices are called: nobody tries tokens in numbers.
        await auth.limit(Limit.SUBMISSION, client_address(request))
        return await pages.sent(request, page.without_blank_rows(), confirmed=action == SEND)

    return router


class _ApplyPages:
    def __init__(
        self,
        sessions: async_sessionmaker[AsyncSession],
        intake: Intake,
        starting: PeriodicJob,
        templates: Jinja2Templates,
        secret_key: str,
    ) -> None:
        self._sessions = sessions
        self._intake = intake
        self._starting = starting
        self._templates = templates
        self._secret_key = secret_key

    def form(self, request: Request, page: ApplicationPage, status: HTTPStatus = HTTPStatus.OK) -> Response:
        return self._templates.TemplateResponse(request, "yayoi/apply.html", {"page": page, "no_fee": NO_FEE}, status)

    async def sent(self, request: Request, page: ApplicationPage, *, confirmed: bool) -> Response:
        """Repeat what was filled in, or take it if it was confirmed; show what is wrong with it in either case."""
        try:
            filled = page.form()
            return await (self._receive(filled) if confirmed else self._confirm(request, page, filled))
        except RefusedError as refused:
            if any(error.field == "submission_id" for error in refused.errors):
                raise ProblemError(HTTPStatus.BAD_REQUEST, STALE_FORM) from None
            return self.form(request, page.with_errors(refused.errors), HTTPStatus.UNPROCESSABLE_ENTITY)
        except OtherContentError:
            raise ProblemError(HTTPStatus.CONFLICT, OTHER_APPLICATION) from None

    async def _confirm(self, request: Request, page: ApplicationPage, filled: ApplicationForm) -> Response:
        await self._intake.check(filled)
        async with self._sessions() as session:
            tokens = [pair.office_token for pair in filled.offices]
            names = await office_names(session, filled.existing_contract_id, tokens)
        pairs = [
            ConfirmedPair(pair.yayoi_id, pair.office_token, names.get(pair.office_token or ""), pair.issued_contract_id)
            for pair in filled.offices
        ]
        facts = {
            "page": page,
            "form": filled,
            "pairs": pairs,
            "unknown": filled.accounting_link and any(pair.office_name is None for pair in pairs),
            "no_fee": NO_FEE,
        }
        return self._templates.TemplateResponse(request, "yayoi/apply_confirm.html", facts)

    async def _receive(self, filled: ApplicationForm) -> Response:
        receipt = await self._intake.receive(filled)
        if receipt.new:
            self._starting.wake()
        address = case_path(self._secret_key, receipt.application_no, link_expiry(receipt.due_date))
        # Relative: the browser stays at the address it came by, as the form's policy demands.
        return RedirectResponse(f"{address}&received=1", HTTPStatus.SEE_OTHER)
