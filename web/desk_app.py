"""The operators' web application, apart from the customers': log-in, cookies, sessions and answers of its own."""

from collections.abc import Callable
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from uuid import uuid4

from fastapi import FastAPI, Request
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates
from starlette.middleware.sessions import SessionMiddleware

from models.backoffice.store.bulk_rows import BulkActions
from models.backoffice.store.case_presence import CasePresence
from models.backoffice.store.case_readings import CaseReadings
from models.backoffice.store.case_search import CaseSearch
from models.backoffice.store.erasures import ErasureRequests
from models.backoffice.store.overview_figures import OverviewFigures
from models.backoffice.store.saved_filters import SavedFilters
from models.backoffice.store.worklist_rows import Worklist
from models.common.calendar import BusinessCalendar, day_in_words, moment_in_words, utc_now
from models.common.operators import Area
from models.common.secret_keys import SecretKeys
from models.common.store.held_cases import HeldCases
from models.common.store.operators import Operators
from models.common.store.sent_forms import SentFormStore
from models.common.store.sessions import DatabaseSessions
from models.tables import DeskFormPressRow, DeskKeptFormRow
from models.yayoi.store.refused_forms import RefusedForms
from web.app import bare_app, healthz
from web.backoffice import (
    codec_server,
    desk_administration,
    desk_applicant_page,
    desk_approvals,
    desk_audit,
    desk_bulk,
    desk_cases,
    desk_held_mails,
    desk_operations,
    desk_overview,
    desk_persons,
    desk_presence,
    desk_refused_forms,
    desk_search,
    desk_sign_in,
    desk_start,
    desk_web_ui_link,
    desk_worklist,
    desk_worklist_files,
    web_ui,
)
from web.backoffice.audit_exports import AuditExports, AuditKeyNow, ReadHistory
from web.backoffice.audit_heads_archive import HeadsArchive, NightlySigning
from web.backoffice.broken_cases import BrokenCasesNow, FindBrokenCases, no_broken_cases
from web.backoffice.case_reader import ReadsCases
from web.backoffice.codec_server import CODEC_LIMITS, CodecServer, ReadsPayloads
from web.backoffice.desk import HOME, PAGES, DeskContext
from web.backoffice.desk_bulk_jobs import BulkJobs
from web.backoffice.desk_sign_in import BACK_CHANNEL, CALLBACK
from web.backoffice.erasure_starter import BeginsErasures, begin_what_is_asked_for
from web.backoffice.mail_previews import PreviewsMails
from web.backoffice.web_ui import LOG_IN_AGAIN, WebUi, call_refused
from web.backoffice.web_ui_updates import SendsOperations, WebUiUpdates
from web.common.auth.access import to_sign_in
from web.common.auth.csrf import Csrf
from web.common.auth.openid import OpenIdProvider, OpenIdSettings
from web.common.auth.operator_access import OperatorAccess
from web.common.auth.rate_limits import Limits
from web.common.auth.sign_in_links import SignInLinks
from web.common.background_jobs import PeriodicJob
from web.common.body_limit import BodyLimit, LargerBodies, RefusesWhoAsks
from web.common.cookies import Cookie
from web.common.http_methods import HeadAsGet
from web.common.problems import ProblemError, answer_problems
from web.common.readiness import add_readiness
from web.common.request_ids import RequestIds
from web.common.request_telemetry import RequestTelemetry
from web.common.security import SecurityHeaders
from web.common.sent_forms import FormIds, SentForms, SignInNeededError

_HERE = Path(__file__).parent
_ROUTERS = (
    desk_start.router,
    desk_worklist.router,
    desk_worklist_files.router,
    desk_search.router,
    desk_web_ui_link.router,
    desk_bulk.router,
    desk_overview.router,
    desk_approvals.router,
    desk_operations.router,
    desk_applicant_page.router,
    desk_cases.router,
    desk_audit.router,
    desk_persons.router,
    desk_administration.router,
    desk_held_mails.router,
    desk_refused_forms.router,
)
"""Every page behind the log-in."""
_SIGNING_IN_TAKES = timedelta(minutes=10)
"""How long a browser's way to the provider and back may take."""


def create_desk_app(
    *,
    sessions: DatabaseSessions,
    url: str,
    secret_keys: SecretKeys,
    web_ui_address: str,
    web_ui_token: str | None = None,
    namespace: str,
    sender: SendsOperations,
    payloads: ReadsPayloads,
    audit_key: AuditKeyNow,
    history: ReadHistory,
    heads: HeadsArchive,
    erasures: BeginsErasures,
    calendar: BusinessCalendar,
    cases: ReadsCases,
    previews: PreviewsMails,
    openid: OpenIdSettings | None = None,
    run: str | None = None,
    broken_cases: FindBrokenCases = no_broken_cases,
    every: timedelta = timedelta(seconds=5),
    traces_url: str | None = None,
    logs_url: str | None = None,
    now: Callable[[], datetime] = utc_now,
) -> FastAPI:
    """Return the application. `url` is where operators reach it; `secret_keys` sign what waits while they log in.

    `web_ui_address` is where the Temporal Web UI listens, which they reach by this application alone, `web_ui_token`
    what it calls Temporal with, and `namespace` the one that the cases are in; `sender` sends what they do, `payloads`
    decrypts what they may read, `cases` says what can be done now, and `previews` what customers will read. `calendar`
    says on which days operators work. What is confirmed and not sent is looked for `every` so often.

    `audit_key` signs exports of the audit, for which `history` is read, and each night the heads that `heads` keeps.
    `erasures` begins the erasing of persons. `broken_cases` finds what the program itself stops.

    `traces_url` and `logs_url` are where engineers see what the program did in a case; `{case}` stands for its number.

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
        readings=CaseReadings(sessions, now),
        cases=cases,
        previews=previews,
        namespace=namespace,
        provider=OpenIdProvider(openid, f"{url}{CALLBACK}") if openid else None,
        links=SignInLinks(sessions, run, now) if run else None,
        now=now,
        traces_url=traces_url,
        logs_url=logs_url,
    )
    kept = SentFormStore(sessions, now, kept=DeskKeptFormRow, presses=DeskFormPressRow)
    limits = Limits(sessions, secret_keys, now)
    forms = SentForms(kept, secret_keys=secret_keys, https=https, limit=limits.count_kept_forms, cookie="desk-forms")
    presence, actions = CasePresence(sessions), BulkActions(sessions, now)
    bulk = BulkJobs(actions, cases, sender, every)

    async def forget_presence() -> None:
        await presence.forget(now())

    to_forget = (desk.access.forget, kept.forget, limits.forget, forget_presence)
    forgetting = [PeriodicJob(each, timedelta(hours=1)) for each in to_forget]
    signing = PeriodicJob(NightlySigning(sessions, audit_key, heads, now).sign_if_due, timedelta(hours=1))
    erasing = PeriodicJob(lambda: begin_what_is_asked_for(requests, erasures), timedelta(minutes=1))
    requests = ErasureRequests(sessions, erasing.wake, now)
    ui = WebUi.at(web_ui_address, WebUiUpdates(sender, namespace), web_ui_token)
    jobs = [*forgetting, bulk.judging, bulk.sending, signing, erasing]
    app = bare_app(jobs, [ui.close], title="担当者の画面", openapi_url=None)
    services = (
        *(desk, forms, ui, presence, actions, bulk, Worklist(sessions), CaseSearch(sessions), SavedFilters(sessions)),
        *(OverviewFigures(sessions, calendar, now), AuditExports(sessions, audit_key, history, now), requests),
        *(CodecServer(payloads, sessions), BrokenCasesNow(broken_cases), HeldCases(sessions), RefusedForms(sessions)),
    )
    app.state.services = {type(service): service for service in services}
    pages = dict.fromkeys((HOME, ""), "backoffice/desk_problem.html")
    answer = answer_problems(app, templates, secret_keys, pages=pages, to_systems=call_refused)
    app.add_exception_handler(SignInNeededError, to_sign_in)
    app.add_middleware(
        SessionMiddleware,
        secret_key=secret_keys.digest(b"desk sign-in").hex(),
        session_cookie=Cookie("desk-sign-in", https=https).name,
        max_age=int(_SIGNING_IN_TAKES.total_seconds()),
        same_site="lax",
        https_only=https,
    )
    larger = {path: LargerBodies(most, _refuses_strangers(desk)) for path, most in CODEC_LIMITS.items()}
    app.add_middleware(BodyLimit, answer=answer, larger=larger)
    app.add_middleware(Csrf, answer=answer, public_url=url, systems=(BACK_CHANNEL,))
    app.add_middleware(HeadAsGet)
    app.add_middleware(SecurityHeaders, https=https, frames=True)
    app.add_middleware(RequestTelemetry)
    app.add_middleware(RequestIds, application="desk", secret_keys=secret_keys)  # the last is the outermost
    app.include_router(desk_sign_in.router)
    app.include_router(desk_sign_in.systems)
    app.include_router(desk_presence.router)
    for router in _ROUTERS:
        app.include_router(router, dependencies=PAGES)
    app.mount("/static", StaticFiles(directory=_HERE / "static"), name="static")
    app.add_api_route("/healthz", healthz)
    app.include_router(codec_server.router)
    add_readiness(app, sessions, None)
    app.include_router(web_ui.router)  # the last: all other paths are the Web UI's
    return app


def _refuses_strangers(desk: DeskContext) -> RefusesWhoAsks:
    async def refuses(request: Request) -> ProblemError | None:
        return None if await desk.access.find(request) else ProblemError(HTTPStatus.UNAUTHORIZED, LOG_IN_AGAIN)

    return refuses


def _templates() -> Jinja2Templates:
    templates = Jinja2Templates(directory=_HERE / "templates")
    templates.env.globals |= {"day": day_in_words, "form_id": uuid4, "Area": Area}
    templates.env.add_extension(FormIds)
    templates.env.filters |= {"linked": str, "moment": moment_in_words}
    return templates
