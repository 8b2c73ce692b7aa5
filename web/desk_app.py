"""The operators' web application, apart from the customers': log-in, cookies, sessions and answers of its own."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

from fastapi import Depends, FastAPI, Request
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates
from starlette.middleware.sessions import SessionMiddleware

from models.common.calendar import day_in_words, moment_in_words, utc_now
from models.common.operators import Area
from models.common.secret_keys import SecretKeys
from models.common.store.operators import Operators
from models.common.store.sent_forms import SentFormStore
from models.common.store.sessions import DatabaseSessions
from web.app import bare_app, healthz
from web.backoffice import (
    desk_administration,
    desk_applicant_page,
    desk_approvals,
    desk_cases,
    desk_hand_over,
    desk_operations,
    desk_queues,
    desk_sign_in,
    desk_start,
    web_ui,
)
from web.backoffice.case_reader import ReadsCases
from web.backoffice.desk import HOME, DeskContext, signed_in
from web.backoffice.desk_queues import QueuesInWebUi
from web.backoffice.desk_sign_in import BACK_CHANNEL, CALLBACK
from web.backoffice.mail_previews import PreviewsMails
from web.backoffice.web_ui import WebUi, call_refused
from web.backoffice.web_ui_updates import SendsOperations, WebUiUpdates
from web.common.auth.access import to_sign_in
from web.common.auth.csrf import Csrf
from web.common.auth.openid import OpenIdProvider, OpenIdSettings
from web.common.auth.operator_access import OperatorAccess
from web.common.auth.rate_limits import Limit, Limits, client_address
from web.common.auth.sign_in_links import SignInLinks
from web.common.background_jobs import PeriodicJob
from web.common.cookies import Cookie
from web.common.problems import answer_problems
from web.common.security import BodyLimit, SecurityHeaders
from web.common.sent_forms import FormIds, SentForms, SignInNeededError

_HERE = Path(__file__).parent
_SIGNING_IN_TAKES = timedelta(minutes=10)
"""How long a browser's way to the provider and back may take."""


def create_desk_app(
    *,
    sessions: DatabaseSessions,
    url: str,
    secret_keys: SecretKeys,
    web_ui_address: str,
    namespace: str,
    sender: SendsOperations,
    cases: ReadsCases,
    previews: PreviewsMails,
    openid: OpenIdSettings | None = None,
    run: str | None = None,
    now: Callable[[], datetime] = utc_now,
) -> FastAPI:
    """Return the application. `url` is where operators reach it; `secret_keys` sign what waits while they log in.

    `web_ui_address` is where the Temporal Web UI listens, which they reach by this application alone, and `namespace`
    the one that the cases are in; `sender` sends what they do, `cases` says what they can do, and `previews` what
    customers will read.

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
        secret_keys=secret_keys,
        sessions=sessions,
        sender=sender,
        cases=cases,
        previews=previews,
        namespace=namespace,
        provider=OpenIdProvider(openid, f"{url}{CALLBACK}") if openid else None,
        links=SignInLinks(sessions, run, now) if run else None,
        now=now,
    )
    kept, limits = SentFormStore(sessions, now), Limits(sessions, secret_keys, now)

    async def limit_kept_forms(request: Request) -> None:
        await limits.count((Limit.KEPT_FORMS_FROM, client_address(request)))

    forms = SentForms(kept, secret_keys=secret_keys, https=https, limit=limit_kept_forms)
    forgetting = [PeriodicJob(each, timedelta(hours=1)) for each in (desk.access.forget, kept.forget, limits.forget)]
    ui = WebUi.at(web_ui_address, WebUiUpdates(sender, namespace))
    app = bare_app(forgetting, [ui.close], title="担当者の画面", openapi_url=None)
    app.state.services = {
        DeskContext: desk,
        SentForms: forms,
        WebUi: ui,
        QueuesInWebUi: QueuesInWebUi(url, namespace),
    }
    page = "backoffice/desk_problem.html"
    answer = answer_problems(app, templates, secret_keys, page=page, places=(HOME, ""), to_systems=call_refused)
    app.add_exception_handler(SignInNeededError, to_sign_in)
    app.add_middleware(
        SessionMiddleware,
        secret_key=secret_keys.digest(b"desk sign-in").hex(),
        session_cookie=Cookie("desk-sign-in", https=https).name,
        max_age=int(_SIGNING_IN_TAKES.total_seconds()),
        same_site="lax",
        https_only=https,
    )
    app.add_middleware(Csrf, answer=answer, public_url=url, systems=(BACK_CHANNEL,))
    app.add_middleware(BodyLimit, answer=answer, larger={})
    app.add_middleware(SecurityHeaders, https=https)
    app.include_router(desk_sign_in.router)
    app.include_router(desk_sign_in.systems)
    for pages in (
        *(desk_start, desk_hand_over, desk_queues, desk_administration),
        *(desk_approvals, desk_operations, desk_applicant_page, desk_cases),
    ):
        app.include_router(pages.router, dependencies=[Depends(signed_in)])
    app.mount("/static", StaticFiles(directory=_HERE / "static"), name="static")
    app.add_api_route("/healthz", healthz)
    app.include_router(web_ui.router)  # the last: all other paths are the Web UI's
    return app


def _templates() -> Jinja2Templates:
    templates = Jinja2Templates(directory=_HERE / "templates")
    templates.env.globals |= {"day": day_in_words, "form_id": uuid4, "Area": Area}
    templates.env.add_extension(FormIds)
    templates.env.filters |= {"linked": str, "moment": moment_in_words}
    return templates
