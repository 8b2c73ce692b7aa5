"""The operators' web application, apart from the customers': log-in, cookies, sessions and answers of its own."""

import hashlib
import hmac
from collections.abc import Callable
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlencode

from fastapi import Depends, FastAPI, Request
from fastapi.responses import RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates
from starlette.middleware.sessions import SessionMiddleware

from models.common.calendar import JST, day_in_words, utc_now
from models.common.operators import Area
from models.common.store.operators import Operators
from models.common.store.sessions import DatabaseSessions
from web.app import bare_app, healthz
from web.backoffice import desk_administration, desk_sign_in, desk_start
from web.backoffice.desk import DeskContext, signed_in
from web.backoffice.desk_sign_in import CALLBACK, SIGN_IN
from web.common.auth.access import HOME, SignInNeededError
from web.common.auth.cookies import Cookie
from web.common.auth.csrf import Csrf
from web.common.auth.openid import OpenIdProvider, OpenIdSettings
from web.common.auth.operator_access import AccessRefusedError, OperatorAccess
from web.common.auth.sign_in_links import SignInLinks
from web.common.background_jobs import PeriodicJob
from web.common.problems import answer_problems
from web.common.security import BodyLimit, SecurityHeaders

_HERE = Path(__file__).parent
_SIGNING_IN_TAKES = timedelta(minutes=10)
"""How long a browser's way to the provider and back may take."""


def create_desk_app(
    *,
    sessions: DatabaseSessions,
    url: str,
    secret_key: str,
    openid: OpenIdSettings | None = None,
    run: str | None = None,
    now: Callable[[], datetime] = utc_now,
) -> FastAPI:
    """Return the application. `url` is where operators reach it; `secret_key` signs what waits while they log in.

    They log in at the `openid` provider, or else by sign-in links of this `run` of the embedded stack.

    Raises:
        ValueError: there is neither, or there are both.

    """
    if (openid is None) == (run is None):
        raise ValueError("operators log in at a provider or by sign-in links")
    url = url.rstrip("/")
    https = url.startswith("https:")
    templates = _templates()
    desk = DeskContext(
        operators=Operators(sessions),
        access=OperatorAccess(sessions, authority=openid.issuer if openid else str(run), https=https, now=now),
        templates=templates,
        url=url,
        provider=OpenIdProvider(openid, f"{url}{CALLBACK}") if openid else None,
        links=SignInLinks(sessions, run, now) if run else None,
        now=now,
    )
    app = bare_app([PeriodicJob(desk.access.forget, timedelta(hours=1))], title="担当者の画面", openapi_url=None)
    app.state.services = {DeskContext: desk}
    answer = answer_problems(app, templates, "backoffice/desk_problem.html")
    app.add_exception_handler(SignInNeededError, _to_sign_in)
    app.add_exception_handler(AccessRefusedError, _refused)
    app.add_middleware(
        SessionMiddleware,
        secret_key=_derived(secret_key),
        session_cookie=Cookie("desk-sign-in", https=https).name,
        max_age=int(_SIGNING_IN_TAKES.total_seconds()),
        same_site="lax",
        https_only=https,
    )
    app.add_middleware(Csrf, answer=answer, public_url=url)
    app.add_middleware(BodyLimit, answer=answer, larger={})
    app.add_middleware(SecurityHeaders, https=https)
    app.include_router(desk_sign_in.router)
    app.include_router(desk_sign_in.systems)
    for router in (desk_start.router, desk_administration.router):
        app.include_router(router, dependencies=[Depends(signed_in)])
    app.mount("/static", StaticFiles(directory=_HERE / "static"), name="static")
    app.add_api_route("/healthz", healthz)
    return app


def _templates() -> Jinja2Templates:
    templates = Jinja2Templates(directory=_HERE / "templates")
    templates.env.globals |= {"day": day_in_words, "Area": Area}
    templates.env.filters |= {"linked": str, "moment": _moment}
    return templates


def _moment(at: datetime) -> str:
    local = at.astimezone(JST)
    return f"{day_in_words(local.date())}{local:%H:%M}"


def _derived(secret_key: str) -> str:
    """Return a key for this cookie alone: what it signs is nothing elsewhere."""
    return hmac.new(secret_key.encode(), b"desk sign-in", hashlib.sha256).hexdigest()


async def _to_sign_in(request: Request, _: Exception) -> Response:
    """Lead to the log-in, and from there back to the page; a form that was sent cannot be come back to."""
    there = HOME
    if request.method in {"GET", "HEAD"}:
        there = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(f"{SIGN_IN}?{urlencode({'next': there})}", HTTPStatus.SEE_OTHER)


def _refused(request: Request, error: Exception) -> Response:
    if not isinstance(error, AccessRefusedError):
        raise error
    templates: Jinja2Templates = request.app.state.services[DeskContext].templates
    facts = {"title": error.title, "detail": error.detail, "facts": error.facts, "signing_in": True}
    return templates.TemplateResponse(request, "backoffice/desk_problem.html", facts, error.status)
