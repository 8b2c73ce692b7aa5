"""Signing in and out with a Yayoi ID."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response
from fastapi.templating import Jinja2Templates
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from models.common.identifiers import fold
from models.tables import CredentialRow
from models.yayoi.identifiers import YayoiId
from web.common.auth import page_router
from web.common.auth.access import Auth, local_path
from web.common.auth.rate_limits import Limit, client_address

WRONG = (
    "弥生ID（メールアドレス）またはパスワードが違います。英字の大文字・小文字も確認し、もう一度入力してください。"
    "パスワードをお忘れのときや、まだ設定していないときは、下の「パスワードを忘れた・設定していない」からお進みください。"
)
_LONGEST = 1000


def sign_in_pages(sessions: async_sessionmaker[AsyncSession], auth: Auth, templates: Jinja2Templates) -> APIRouter:
    router = page_router()

    def show(request: Request, yayoi_id: str, there: str, error: str = "") -> Response:
        facts = {"yayoi_id": yayoi_id, "next": local_path(there), "error": error}
        status = HTTPStatus.UNPROCESSABLE_ENTITY if error else HTTPStatus.OK
        return templates.TemplateResponse(request, "yayoi/sign_in.html", facts, status)

    @router.get("/sign-in")
    async def form(request: Request, there: Annotated[str, Query(alias="next")] = "/set-up") -> Response:
        return show(request, "", there)

    @router.post("/sign-in")
    async def sign_in(request: Request) -> Response:
        sent = await request.form()
        yayoi_id, password, there = (str(sent.get(name, ""))[:_LONGEST] for name in ("yayoi_id", "password", "next"))
        await auth.limit(Limit.SIGN_IN_FROM, client_address(request))
        await auth.limit(Limit.SIGN_IN, fold(yayoi_id).lower())
        known = await _known(sessions, auth, yayoi_id, password)
        if known is None:
            return show(request, yayoi_id, there, WRONG)
        answer = RedirectResponse(local_path(there), HTTPStatus.SEE_OTHER)
        await auth.sign_in(request, answer, known)
        return answer

    @router.post("/sign-out")
    async def sign_out(request: Request) -> Response:
        answer = RedirectResponse("/sign-in", HTTPStatus.SEE_OTHER)
        await auth.sign_out(request, answer)
        return answer

    return router


async def _known(sessions: async_sessionmaker[AsyncSession], auth: Auth, typed: str, password: str) -> YayoiId | None:
    """Return whose password it is. One answer, after the same work, whether or not the address is registered."""
    try:
        yayoi_id = YayoiId(typed)
    except ValueError:
        yayoi_id = None
    async with sessions() as session:
        credential = await session.scalar(CredentialRow.of(yayoi_id)) if yayoi_id else None
    right = await auth.hashing.verify(credential.password_hash if credential else None, password)
    return yayoi_id if right else None
