"""The web application: put together from what it is given, so that nothing is made at import."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.client import Client

from models.common.calendar import BusinessCalendar, day_in_words
from models.yayoi.provider_forms.mapping import OwnFields, Translation
from models.yayoi.store.intake import Intake
from models.yayoi.store.provider_forms import ProviderForms
from web.backoffice.operators import operators_pages
from web.common.auth import Auth
from web.common.auth.api_keys import Systems
from web.common.auth.csrf import Csrf
from web.common.background_jobs import PeriodicJob
from web.common.context import WebContext, WebPackage
from web.common.problems import answer_problems, describe_problems
from web.common.security import BodyLimit, SecurityHeaders, WithoutPeople
from web.myics.pages import open_myics_pages
from web.myics.pages_batches import BATCHES, MOST_SENT
from web.myics.parts import MyicsContext
from web.myics.services import MyicsServices
from web.webhooks.signatures import FormSignatures
from web.webhooks.starter import WebhookStarter
from web.yayoi.accounts.wiring import accounts
from web.yayoi.api import applications_api, events_api
from web.yayoi.applicant.wiring import applicant
from web.yayoi.customer.evidence import evidence_api
from web.yayoi.customer.pages import open_customer_pages
from web.yayoi.customer.parts import Parts
from web.yayoi.event_delivery import EventDelivery
from web.yayoi.provider_forms import form_webhooks
from web.yayoi.starter import Starter

_HERE = Path(__file__).parent


def create_app(
    *,
    sessions: async_sessionmaker[AsyncSession],
    client: Client,
    calendar: BusinessCalendar,
    public_url: str,
    secret_key: str,
    ui_url: str,
    namespace: str,
    task_queue: str,
    reconcile_every: timedelta,
    api_keys: Sequence[str] = (),
    form_secrets: Sequence[str] = (),
    form_translation: Translation | None = None,
) -> FastAPI:
    """Return the application. `public_url` is where applicants reach it; `secret_key` signs the links to cases.

    `ui_url` is where operators reach the Temporal Web UI, and `namespace` the one that the cases are in.

    `api_keys` are what other systems show to use the API; without any, whoever reaches it may.

    `form_secrets` are what a form provider signs with, and `form_translation` turns its fields into ours.

    While it runs, what is stored but not started or not delivered is looked for every `reconcile_every`.
    """
    auth = Auth(sessions, secret_key=secret_key, https=public_url.startswith("https:"))
    templates = Jinja2Templates(directory=_HERE / "templates")
    templates.env.globals["day"] = day_in_words
    ground = _Ground(sessions, client, auth, templates, public_url, secret_key, task_queue, reconcile_every)
    taking = ground.taking(calendar)
    jobs = [
        PeriodicJob(auth.forget, timedelta(hours=1)),
        taking.starting,
        ground.repeating(taking.deliveries.deliver_all),
    ]
    app = _bare_app(jobs)
    context = WebContext(
        sessions=sessions,
        client=client,
        auth=auth,
        templates=templates,
        task_queue=task_queue,
        public_url=public_url,
        secret_key=secret_key,
        every=reconcile_every,
    )
    app.state.services = {WebContext: context, Intake: taking.intake, EventDelivery: taking.deliveries}
    _protect(app, ground)
    _open_to_systems(app, ground, taking, Systems(api_keys))
    forms = ProviderForms(sessions, taking.intake, form_translation or OwnFields())
    jobs += _open_webhooks(app, ground, taking, forms, FormSignatures(form_secrets))
    jobs += _add(app, accounts(context))
    jobs += _add(app, applicant(context))
    jobs += _open_to_customers(app, ground, taking)
    jobs += _open_myics(app, ground)
    app.include_router(operators_pages(templates, ui_url=ui_url, namespace=namespace))
    app.mount("/static", StaticFiles(directory=_HERE / "static"), name="static")
    app.add_api_route("/healthz", healthz, summary="プロセスが動いているか", tags=["health"])
    return app


def _add(app: FastAPI, package: WebPackage) -> Sequence[PeriodicJob]:
    """Open a package's pages, give its services to handlers, and return its jobs."""
    app.state.services |= {type(service): service for service in package.services}
    for router in package.routers:
        app.include_router(router)
    for error, answer in package.answers.items():
        app.add_exception_handler(error, answer)
    return package.jobs


async def healthz() -> dict[str, str]:
    return {"status": "ok"}


@dataclass(frozen=True)
class _Taking:
    """How applications and events are taken."""

    intake: Intake
    deliveries: EventDelivery
    starting: PeriodicJob
    """Woken when an application is new."""


@dataclass(frozen=True)
class _Ground:
    """What all pages and interfaces stand on."""

    sessions: async_sessionmaker[AsyncSession]
    client: Client
    auth: Auth
    templates: Jinja2Templates
    public_url: str
    secret_key: str
    task_queue: str
    every: timedelta

    def repeating(self, job: Callable[[], Awaitable[None]]) -> PeriodicJob:
        return PeriodicJob(job, self.every)

    def taking(self, calendar: BusinessCalendar) -> _Taking:
        starter = Starter(
            self.sessions,
            self.client,
            task_queue=self.task_queue,
            public_url=self.public_url,
            secret_key=self.secret_key,
        )
        starting = self.repeating(starter.start_all)
        intake = Intake(self.sessions, calendar, wake=starting.wake)
        return _Taking(intake, EventDelivery(self.sessions, self.client), starting)


def _bare_app(jobs: Sequence[PeriodicJob]) -> FastAPI:
    """Return an application without pages, beside which the jobs run: those that are there when it starts."""

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
            logging.getLogger("uvicorn.access").removeFilter(without_people)

    return FastAPI(
        title="複数事業所データ管理の申込",
        version="1",
        description="申込と、他のシステムで起きた出来事を受け付ける。誤りは application/problem+json で返す。",
        lifespan=beside_jobs,
        docs_url=None,  # those pages load their scripts from elsewhere; /openapi.json is there for every tool
        redoc_url=None,
        redirect_slashes=False,  # such a redirect repeats whatever the request calls this host
    )


def _protect(app: FastAPI, ground: _Ground) -> None:
    """Auth, limits, headers, and answers to whatever goes wrong."""
    ground.auth.open_on(app)
    answer = answer_problems(app, ground.templates)
    app.add_middleware(Csrf, answer=answer, public_url=ground.public_url)
    app.add_middleware(BodyLimit, answer=answer, larger={BATCHES: MOST_SENT})
    app.add_middleware(SecurityHeaders, https=ground.public_url.startswith("https:"))
    describe_problems(app)


def _open_to_systems(app: FastAPI, ground: _Ground, taking: _Taking, systems: Systems) -> None:
    applications = applications_api(
        taking.intake, taking.starting, ground.auth, public_url=ground.public_url, secret_key=ground.secret_key
    )
    events = events_api(taking.deliveries, ground.auth)
    for api in (applications, events, evidence_api(ground.sessions, ground.auth)):
        app.include_router(api, **systems.only)


def _open_webhooks(
    app: FastAPI, ground: _Ground, taking: _Taking, forms: ProviderForms, signatures: FormSignatures
) -> Sequence[PeriodicJob]:
    links = {"public_url": ground.public_url, "secret_key": ground.secret_key}
    app.include_router(form_webhooks(forms, signatures, taking.starting, ground.auth, **links))
    starter = WebhookStarter(ground.sessions, ground.client, task_queue=ground.task_queue)
    return [ground.repeating(starter.start_all)]


def _open_to_customers(app: FastAPI, ground: _Ground, taking: _Taking) -> Sequence[PeriodicJob]:
    return open_customer_pages(
        app,
        Parts(ground.sessions, ground.auth, taking.deliveries, ground.templates),
        ground.client,
        secret_key=ground.secret_key,
        task_queue=ground.task_queue,
        every=ground.every,
    )


def _open_myics(app: FastAPI, ground: _Ground) -> Sequence[PeriodicJob]:
    services = MyicsServices(
        ground.sessions,
        ground.client,
        ground.auth.hashing,
        secret_key=ground.secret_key,
        task_queue=ground.task_queue,
        every=ground.every,
    )
    return open_myics_pages(app, MyicsContext(ground.auth, services, ground.templates))
