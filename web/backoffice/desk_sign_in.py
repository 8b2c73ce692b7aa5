"""How operators log in, and what is open without: by the provider or a sign-in link, and the provider's log-outs."""

from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from itsdangerous import BadData, URLSafeSerializer

from web.backoffice.desk import HOME, Desk, DeskContext
from web.common.auth import page_router
from web.common.auth.access import local_path
from web.common.auth.openid import LogoutTokenError, OpenIdProvider
from web.common.auth.operator_access import AccessRefusedError
from web.common.auth.sign_in_links import LINK, SignInLinks
from web.common.sent_forms import form_on

SIGN_IN = "/sign-in"
OPENID = "/sign-in/openid"
CALLBACK = "/sign-in/callback"
SIGNED_OUT = "/signed-out"
BACK_CHANNEL = "/api/back-channel-logout"
UNKNOWN = (
    "ログインのサービスでは本人を確認できましたが、このシステムの担当者として登録されていません。"
    "下の 2 つの値を管理者に伝え、登録を依頼してください。登録された後、もう一度ログインしてください。"
)
BY_LINK_ONLY = "このシステムでは、ログイン用リンクでログインします。"
NO_LINKS = (
    "ログインのサービスが設定されているため、ログイン用リンクは使えません。ログイン画面からログインしてください。"
)
_NEXT = "next"
_LONGEST = 1000
_LONGEST_PLACE = 2500
"""Characters of where somebody wants to go: it waits in a cookie, which holds 4,096 bytes."""

router = page_router()
systems = APIRouter(include_in_schema=False)


@router.get(SIGN_IN)
async def sign_in(request: Request, desk: Desk, there: Annotated[str, Query(alias="next")] = HOME) -> Response:
    facts = {"by_openid": desk.provider is not None, "next": _place(there)}
    return desk.show(request, "backoffice/desk_sign_in.html", facts)


@router.get(OPENID)
async def to_provider(request: Request, desk: Desk, there: Annotated[str, Query(alias="next")] = HOME) -> Response:
    """Begin at the provider. Where the operator wanted to go waits in this browser's cookie, not in the address."""
    answer = await _provider(desk).redirect(request)
    request.session[_NEXT] = _place(there)
    return answer


@router.get(CALLBACK)
async def from_provider(request: Request, desk: Desk) -> Response:
    """Log in whom the provider knows and the table knows, too. Nobody else gets an account."""
    proven = await _provider(desk).identity(request)
    operator = await desk.operators.sign_in(proven.identity, proven.roles, desk.now())
    if operator is None:
        facts = [("発行元（issuer）", proven.identity.issuer), ("識別子（sub）", proven.identity.subject)]
        raise AccessRefusedError(HTTPStatus.FORBIDDEN, "担当者として登録されていません", UNKNOWN, facts)
    answer = RedirectResponse(local_path(request.session.pop(_NEXT, HOME)), HTTPStatus.SEE_OTHER)
    await desk.access.begin(
        request,
        answer,
        operator,
        subject=proven.identity.subject,
        provider_session=proven.provider_session,
        id_token=proven.id_token,
    )
    return answer


@router.get(LINK)
async def show_link(request: Request, desk: Desk, key: Annotated[str, Query()] = "") -> Response:
    """Ask before the link is used up: whatever opens an address by itself leaves it good."""
    operator = await _links(desk).whose(key)
    return desk.show(request, "backoffice/desk_link.html", {"operator": operator, "key": key})


@router.post(LINK)
@form_on(None)
async def take_link(request: Request, desk: Desk) -> Response:
    key = str((await request.form()).get("key", ""))[:_LONGEST]
    operator = await _links(desk).take(key)
    answer = RedirectResponse(HOME, HTTPStatus.SEE_OTHER)
    await desk.access.begin(request, answer, operator)
    return answer


@router.get(SIGNED_OUT)
async def signed_out(request: Request, desk: Desk, everywhere: Annotated[str, Query()] = "") -> Response:
    """Say it, and lead on to the provider: a page does, since browsers let a form lead to this site alone."""
    try:
        there = _leaving(desk).loads(everywhere)
    except BadData:
        return desk.show(request, "backoffice/desk_signed_out.html", {})
    answer = desk.show(
        request, "backoffice/desk_signed_out.html", {"there": there, "provider": desk.provider is not None}
    )
    if there:
        answer.headers["Refresh"] = f"0; url={there}"
    return answer


def signed_out_everywhere(desk: DeskContext, there: str | None) -> str:
    """Return the page that says so and leads on to `there`, the provider's log-out; its address is signed."""
    return f"{SIGNED_OUT}?{urlencode({'everywhere': _leaving(desk).dumps(there)})}"


def _leaving(desk: DeskContext) -> URLSafeSerializer:
    return desk.secret_keys.serializer("signed out everywhere")


@systems.post(BACK_CHANNEL)
async def back_channel_logout(request: Request, desk: Desk) -> Response:
    """End what the provider has ended. It learns of a token that is not taken, as its specification says (2.8)."""
    sent = (await request.form(max_files=0)).get("logout_token")
    if desk.provider is None or not isinstance(sent, str):
        return _not_taken("logout_token")
    try:
        ended = await desk.provider.ended(sent)
    except LogoutTokenError as error:
        return _not_taken(str(error))
    except AccessRefusedError as away:
        return JSONResponse({"error": "temporarily_unavailable"}, away.status)
    return Response() if await desk.access.end_at_provider(ended) else _not_taken("jti")


def _place(there: str) -> str:
    """Return where to go after the log-in. A part of an address would be another one: too long leads to the desk."""
    place = local_path(there) if len(there) <= _LONGEST_PLACE else HOME
    return HOME if place == "/" else place


def _not_taken(why: str) -> Response:
    return JSONResponse({"error": "invalid_request", "error_description": why}, HTTPStatus.BAD_REQUEST)


def _provider(desk: DeskContext) -> OpenIdProvider:
    if desk.provider is None:
        raise AccessRefusedError(HTTPStatus.NOT_FOUND, "ログインの方法が違います", BY_LINK_ONLY)
    return desk.provider


def _links(desk: DeskContext) -> SignInLinks:
    if desk.links is None:
        raise AccessRefusedError(HTTPStatus.NOT_FOUND, "ログインの方法が違います", NO_LINKS)
    return desk.links
