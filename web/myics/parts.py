"""What every page of MYICS is made with."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from fastapi.templating import Jinja2Templates

from models.common.refusals import RefusedError
from models.myics.store.permissions import NotPossibleError
from models.myics.store.sign_in import Member
from web.common.auth import Auth, page_router
from web.common.auth.access import SignInNeededError
from web.common.page_form import PageForm
from web.myics.services import MyicsServices

HOME = "/myics/"
SIGN_IN = "/myics/sign-in"
ONLY_ADMINISTRATORS = (
    "この画面を使えるのは、事務所の管理者の方だけです。ユーザーや顧問先の登録は、事務所の管理者の方に依頼してください。"
)


@dataclass(frozen=True)
class MyicsContext:
    """The parts that pages share."""

    auth: Auth
    services: MyicsServices
    templates: Jinja2Templates

    def router(self) -> APIRouter:
        """Return a router of pages: forms that cannot be read are refused."""
        return page_router()

    def show(
        self, request: Request, template: str, facts: Mapping[str, Any], status: HTTPStatus | None = None
    ) -> Response:
        """Render a page. One whose form (`page`) was refused says so in its status too."""
        if status is None:
            page = facts.get("page")
            status = HTTPStatus.UNPROCESSABLE_ENTITY if page and page.errors else HTTPStatus.OK
        return self.templates.TemplateResponse(request, f"myics/{template}", dict(facts), status)

    async def member(self, request: Request) -> Member:
        """Return who is logged in, as the account stands now; whoever is not is led to the log-in and back."""
        session = await self.auth.firms.find(request)
        member = await self.services.sign_in.member(session.account_id) if session else None
        if member is None:
            raise SignInNeededError(SIGN_IN)
        return member

    async def manager(self, request: Request) -> Member:
        """Return the firm's administrator who is logged in (M4, M7). Raises `NotPossibleError` for everybody else."""
        member = await self.member(request)
        if not member.manages:
            raise NotPossibleError(ONLY_ADMINISTRATORS)
        return member


def refused_form(page: PageForm, refused: RefusedError) -> PageForm:
    """Return the form with what is wrong beside each field: nothing typed is asked for, not called malformed."""
    return page.refused(
        {
            error.field: error.message if page.values.get(error.field, "-").strip() else "入力してください。"
            for error in refused.errors
        }
    )
