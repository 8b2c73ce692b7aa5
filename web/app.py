"""The web application: put together from what it is given, so that nothing is made at import."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from fastapi.telemetry import TelemetryConfig
from fastapi.templating import Jinja2Templates
from markupsafe import Markup
from temporalio.client import Client

from models.common.calendar import BusinessCalendar, day_in_words
from models.common.secret_keys import SecretKeys
from models.common.store.operation_records import OperationRecords
from models.common.store.sent_forms import SentFormStore
from models.common.store.sessions import DatabaseSessions
from models.myics.vendor_pages import MYICS_SUPPORT, MyicsPages
from models.yayoi.enquiries import ENQUIRY_PAGE, ENQUIRY_PATH
from models.yayoi.procedures import SET_UP_PAGE, SET_UP_PATH
from models.yayoi.provider_forms.mapping import OwnFields, Translation
from models.yayoi.vendor_pages import YayoiPages
from web.backoffice.bounces import BOUNCES
from web.backoffice.bounces import MOST_SENT as MOST_RETURNED
from web.backoffice.wiring import backoffice
from web.common.auth import Auth
from web.common.auth.api_keys import Systems
from web.common.auth.csrf import Csrf
from web.common.background_jobs import PeriodicJob
from web.common.body_limit import BodyLimit, LargerBodies
from web.common.context import WebContext, WebPackage
from web.common.http_methods import HeadAsGet
from web.common.malware import MalwareScanner, NoScanner
from web.common.named_places import contact_link, with_links
from web.common.operation_sender import OperationSender, SignerNow
from web.common.problems import answer_problems, describe_problems
from web.common.readiness import add_readiness
from web.common.request_ids import RequestIds
from web.common.request_telemetry import RequestTelemetry
from web.common.security import SecurityHeaders, WithoutPeople
from web.common.sent_forms import FormIds, SentForms
from web.myics.wiring import myics
from web.webhooks.starter import webhooks
from web.yayoi.wiring import accounts, applicant, customer, yayoi

_HERE = Path(__file__).parent
NOBODY = Systems(())
PROBLEM_PAGES = {"/myics": "myics/problem.html", "": "yayoi/problem.html"}
"""What says a problem, for what the paths of each product's pages begin with."""
_YAYOI, _MYICS, _NO_SCANNER = YayoiPages(), MyicsPages(), NoScanner()


def create_app(
    *,
    sessions: DatabaseSessions,
    client: Client,
    signer: SignerNow,
    calendar: BusinessCalendar,
    public_url: str,
    secret_keys: SecretKeys,
    task_queue: str,
    reconcile_every: timedelta,
    systems: Systems = NOBODY,
    form_secrets: Sequence[str] = (),
    form_translation: Translation | None = None,
    yayoi_pages: YayoiPages = _YAYOI,
    myics_pages: MyicsPages = _MYICS,
    scanner: MalwareScanner = _NO_SCANNER,
    freezes_at_acceptance: bool = True,
) -> FastAPI:
    """Return the application. `public_url` is where applicants reach it; `secret_keys` signs the links to cases.

    `signer` signs who acts on these pages: what customers and other systems do.

    `systems` are those that may use the API.

    `freezes_at_acceptance`: whether smart import is the default, in our own tables (Y12).

    `form_secrets` are what a form provider signs with, and `form_translation` turns its fields into ours.

    `yayoi_pages` and `myics_pages` are what the pages of each vendor name outside of this site.

    `scanner` looks through what is uploaded.

    While it runs, what is stored but not started or not delivered is looked for every `reconcile_every`.
    """
    context = WebContext(
        sessions=sessions,
        client=client,
        operations=OperationSender(client, signer, OperationRecords(sessions)),
        auth=Auth(sessions, secret_keys=secret_keys, https=public_url.startswith("https:")),
        templates=_templates(yayoi_pages, myics_pages),
        task_queue=task_queue,
        public_url=public_url,
        secret_keys=secret_keys,
        every=reconcile_every,
    )
    packages = [
        yayoi(context, calendar, form_translation or OwnFields(), form_secrets, freezes=freezes_at_acceptance),
        accounts(context),
        applicant(context),
        customer(context),
        myics(context, scanner),
        webhooks(context),
        backoffice(context),
    ]
    kept = SentFormStore(sessions, context.now)
    forms = SentForms(
        kept,
        secret_keys=secret_keys,
        https=context.auth.https,
        limit=context.auth.limit_kept_forms,
        closed=tuple(error for package in packages for error in package.answers),
    )
    forgetting = [PeriodicJob(each, timedelta(hours=1)) for each in (context.auth.forget, kept.forget)]
    app = bare_app(
        [*forgetting, *(job for package in packages for job in package.jobs)],
        title="複数事業所データ管理の申込",
        version="1",
        description="申込と、他のシステムで起きた出来事を受け付ける。誤りは application/problem+json で返す。",
    )
    services = [context, forms, *(service for package in packages for service in package.services)]
    app.state.services = {type(service): service for service in services}
    _protect(app, context, systems, packages)
    for package in packages:
        for api in package.apis:
            app.include_router(api, **systems.only)
        for router in package.routers:
            app.include_router(router)
        for error, answer in package.answers.items():
            app.add_exception_handler(error, answer)
    app.mount("/static", StaticFiles(directory=_HERE / "static"), name="static")
    app.add_api_route("/healthz", healthz, summary="プロセスが動いているか", tags=["health"])
    add_readiness(app, sessions, client, task_queue)
    return app


def _templates(yayoi_pages: YayoiPages, myics_pages: MyicsPages) -> Jinja2Templates:
    templates = Jinja2Templates(directory=_HERE / "templates")
    ask_us = contact_link(yayoi_pages.contact, ENQUIRY_PAGE, ENQUIRY_PATH)
    ask_myics = contact_link(myics_pages.contact, myics_pages.contact.name, myics_pages.contact.url)
    templates.env.globals |= {
        "day": day_in_words,
        "form_id": uuid4,
        "yayoi_pages": yayoi_pages,
        "myics_pages": myics_pages,
        "ask_us": ask_us,
        "ask_myics": ask_myics,
    }
    templates.env.add_extension(FormIds)
    set_up = Markup('<a href="{}">{}</a>').format(SET_UP_PATH, SET_UP_PAGE)
    places = {ENQUIRY_PAGE: ask_us, MYICS_SUPPORT: ask_myics, SET_UP_PAGE: set_up}
    templates.env.filters["linked"] = partial(with_links, places=places)
    return templates


_NONE_OF_ITS_OWN: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}
"""FastAPI's own spans hold whole paths, and so the links of customers; ours hold the routes' templates."""


async def healthz() -> dict[str, str]:
    return {"status": "ok"}


def bare_app(
    jobs: Sequence[PeriodicJob], closing: Sequence[Callable[[], Awaitable[None]]] = (), **described: Any
) -> FastAPI:
    """Return an application without pages, beside which the jobs run: those that are there when it starts.

    `closing`: what is done when it ends. `described`: what FastAPI says of it.
    """

    @asynccontextmanager
    async def beside_jobs(_: FastAPI) -> AsyncIterator[None]:
        without_people = WithoutPeople()
        logging.getLogger("uvicorn.access").addFilter(without_people)
        running = [asyncio.create_task(job.run()) for job in jobs]
        try:
            yield
        finally:
            # Whatever is under way is repeatable: the next process finds it still waiting.
            for job in running:
                job.cancel()
                with suppress(asyncio.CancelledError):
                    await job
            for close in closing:
                await close()
            logging.getLogger("uvicorn.access").removeFilter(without_people)

    return FastAPI(
        **described,
        lifespan=beside_jobs,
        telemetry=_NONE_OF_ITS_OWN,
        docs_url=None,  # those pages load their scripts from elsewhere; /openapi.json is there for every tool
        redoc_url=None,
        redirect_slashes=False,  # such a redirect repeats whatever the request calls this host
    )


def _protect(app: FastAPI, context: WebContext, systems: Systems, packages: Sequence[WebPackage]) -> None:
    """Limits, headers, and answers to whatever goes wrong."""
    context.auth.open_on(app)
    answer = answer_problems(app, context.templates, context.secret_keys, pages=PROBLEM_PAGES)
    larger = {BOUNCES: LargerBodies(MOST_RETURNED, systems.refusal)}
    for package in packages:
        larger |= package.larger_bodies
    app.add_middleware(BodyLimit, answer=answer, larger=larger, refuses={"/api/": systems.refusal})
    app.add_middleware(Csrf, answer=answer, public_url=context.public_url)
    app.add_middleware(HeadAsGet)
    app.add_middleware(SecurityHeaders, https=context.public_url.startswith("https:"))
    app.add_middleware(RequestTelemetry)
    app.add_middleware(RequestIds, application="web", secret_keys=context.secret_keys)  # the last is the outermost
    describe_problems(app)
