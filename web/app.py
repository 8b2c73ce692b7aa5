"""The web application: put together from what it is given, so that nothing is made at import."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.client import Client

from models.calendar import BusinessCalendar
from models.form_mapping import OwnFields, Translation
from models.tables import AddressCheckRow
from web.accounts.checks import AddressChecks, telling
from web.accounts.pages import Accounts
from web.accounts.password import password_pages
from web.accounts.register import register_pages
from web.api import applications_api, events_api
from web.applicant.apply_pages import apply_pages
from web.applicant.case_actions import case_actions
from web.applicant.case_pages import answer_expired_links, case_pages
from web.applicant.case_progress import CaseProgress
from web.applicant.guide_pages import guide_pages
from web.customer.evidence import evidence_api
from web.customer.pages import open_customer_pages
from web.customer.parts import Parts
from web.deliveries import Deliveries
from web.doors import Doors
from web.doors.pages import doors_pages
from web.doors.systems import Systems
from web.form_signatures import FormSignatures
from web.forms import Forms
from web.intake import Intake
from web.myics.pages import open_myics_pages
from web.myics.pages_batches import BATCHES, MOST_SENT
from web.myics.parts import MyicsParts
from web.myics.services import MyicsServices
from web.operators import operators_pages
from web.problems import answer_problems, describe_problems
from web.protection import BodyLimit, SecurityHeaders, WithoutPeople
from web.repeating import Repeating
from web.starter import Starter
from web.teller import Teller
from web.webhook_starter import WebhookStarter
from web.webhooks import form_webhooks

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
    intake = Intake(sessions, calendar)
    deliveries = Deliveries(sessions, client)
    starter = Starter(sessions, client, task_queue=task_queue, public_url=public_url, secret_key=secret_key)
    starting = Repeating(starter.start_all, reconcile_every)
    forms = Forms(sessions, intake, form_translation or OwnFields())
    webhooks = Repeating(WebhookStarter(sessions, client, task_queue=task_queue).start_all, reconcile_every)
    delivering = Repeating(deliveries.deliver_all, reconcile_every)
    https = public_url.startswith("https:")
    doors = Doors(sessions, secret_key=secret_key, https=https)
    checks = AddressChecks(sessions, secret_key)
    telling_checks = Repeating(
        Teller(sessions, client, AddressCheckRow, telling, task_queue=task_queue).tell_all, reconcile_every
    )
    forgetting = [Repeating(forget, timedelta(hours=1)) for forget in (doors.forget, checks.forget)]

    @asynccontextmanager
    async def reconciling(_: FastAPI) -> AsyncIterator[None]:
        without_people = WithoutPeople()
        logging.getLogger("uvicorn.access").addFilter(without_people)
        every = (starting, delivering, webhooks, telling_checks, *forgetting, *customer_jobs, *myics_jobs)
        jobs = [asyncio.create_task(job.run()) for job in every]
        try:
            yield
        finally:
            # Whatever is under way is repeatable: the next process finds it still waiting.
            for job in jobs:
                job.cancel()
                with suppress(asyncio.CancelledError):
                    await job
            logging.getLogger("uvicorn.access").removeFilter(without_people)

    app = FastAPI(
        title="複数事業所データ管理の申込",
        version="1",
        description="申込と、他のシステムで起きた出来事を受け付ける。誤りは application/problem+json で返す。",
        lifespan=reconciling,
        docs_url=None,  # those pages load their scripts from elsewhere; /openapi.json is there for every tool
        redoc_url=None,
        redirect_slashes=False,  # such a redirect repeats whatever the request calls this host
    )
    templates = Jinja2Templates(directory=_HERE / "templates")
    doors.open_on(app, templates)
    answer = answer_problems(app, templates)
    app.add_middleware(BodyLimit, answer=answer, larger={BATCHES: MOST_SENT})
    app.add_middleware(SecurityHeaders, https=https)
    describe_problems(app)
    for api in (
        applications_api(intake, starting, doors, public_url=public_url, secret_key=secret_key),
        events_api(deliveries, doors),
        evidence_api(sessions, doors),
    ):
        app.include_router(api, **Systems(api_keys).only)
    app.include_router(
        form_webhooks(
            forms, FormSignatures(form_secrets), starting, doors, public_url=public_url, secret_key=secret_key
        )
    )
    app.include_router(doors_pages(sessions, doors, templates))
    accounts = Accounts(sessions, checks, doors, templates, telling_checks.wake)
    app.include_router(register_pages(accounts))
    app.include_router(password_pages(accounts))
    app.include_router(guide_pages(templates, doors))
    app.include_router(apply_pages(sessions, intake, starting, templates, doors, secret_key=secret_key))
    app.include_router(case_pages(sessions, client, templates, doors, secret_key=secret_key, task_queue=task_queue))
    app.include_router(
        case_actions(sessions, deliveries, CaseProgress(client), templates, doors, secret_key=secret_key)
    )
    customer_jobs = open_customer_pages(
        app,
        Parts(sessions, doors, deliveries, templates),
        client,
        secret_key=secret_key,
        task_queue=task_queue,
        every=reconcile_every,
    )
    answer_expired_links(app, templates)
    myics_jobs = open_myics_pages(
        app,
        MyicsParts(
            doors,
            MyicsServices(
                sessions, client, doors.hashing, secret_key=secret_key, task_queue=task_queue, every=reconcile_every
            ),
            templates,
        ),
    )
    app.include_router(operators_pages(templates, ui_url=ui_url, namespace=namespace))
    app.mount("/static", StaticFiles(directory=_HERE / "static"), name="static")

    @app.get("/healthz", summary="プロセスが動いているか", tags=["health"])
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    return app
