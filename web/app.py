"""The web application: put together from what it is given, so that nothing is made at import."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import RedirectResponse
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.client import Client

from models.calendar import BusinessCalendar
from web.api import applications_api, events_api
from web.apply_pages import apply_pages
from web.case_actions import case_actions
from web.case_pages import answer_expired_links, case_pages
from web.case_progress import CaseProgress
from web.deliveries import Deliveries
from web.doors import Doors
from web.doors.pages import doors_pages
from web.intake import Intake
from web.operators import operators_pages
from web.problems import answer_problems, describe_problems
from web.protection import BodyLimit, SecurityHeaders, WithoutQuery
from web.repeating import Repeating
from web.starter import Starter

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
) -> FastAPI:
    """Return the application. `public_url` is where applicants reach it; `secret_key` signs the links to cases.

    `ui_url` is where operators reach the Temporal Web UI, and `namespace` the one that the cases are in.

    While it runs, what is stored but not started or not delivered is looked for every `reconcile_every`.
    """
    intake = Intake(sessions, calendar)
    deliveries = Deliveries(sessions, client)
    starter = Starter(sessions, client, task_queue=task_queue, public_url=public_url, secret_key=secret_key)
    starting = Repeating(starter.start_all, reconcile_every)
    delivering = Repeating(deliveries.deliver_all, reconcile_every)
    https = public_url.startswith("https:")
    doors = Doors(sessions, secret_key=secret_key, https=https)
    forgetting = Repeating(doors.forget, timedelta(hours=1))

    @asynccontextmanager
    async def reconciling(_: FastAPI) -> AsyncIterator[None]:
        without_query = WithoutQuery()
        logging.getLogger("uvicorn.access").addFilter(without_query)
        jobs = [asyncio.create_task(job.run()) for job in (starting, delivering, forgetting)]
        try:
            yield
        finally:
            # Whatever is under way is repeatable: the next process finds it still waiting.
            for job in jobs:
                job.cancel()
                with suppress(asyncio.CancelledError):
                    await job
            logging.getLogger("uvicorn.access").removeFilter(without_query)

    app = FastAPI(
        title="複数事業所データ管理の申込",
        version="1",
        description="申込と、他のシステムで起きた出来事を受け付ける。誤りは application/problem+json で返す。",
        lifespan=reconciling,
        docs_url=None,  # those pages load their scripts from elsewhere; /openapi.json is there for every tool
        redoc_url=None,
    )
    templates = Jinja2Templates(directory=_HERE / "templates")
    doors.open_on(app, templates)
    app.add_middleware(BodyLimit)
    app.add_middleware(SecurityHeaders)
    answer_problems(app, templates)
    describe_problems(app)
    app.include_router(applications_api(intake, starting, public_url=public_url, secret_key=secret_key))
    app.include_router(events_api(deliveries))
    app.include_router(doors_pages(sessions, doors, templates))
    app.include_router(apply_pages(sessions, intake, starting, templates, doors, secret_key=secret_key))
    app.include_router(case_pages(sessions, client, templates, doors, secret_key=secret_key, task_queue=task_queue))
    app.include_router(
        case_actions(sessions, deliveries, CaseProgress(client), templates, doors, secret_key=secret_key)
    )
    answer_expired_links(app, templates)
    app.include_router(operators_pages(templates, ui_url=ui_url, namespace=namespace))
    app.mount("/static", StaticFiles(directory=_HERE / "static"), name="static")

    @app.get("/", include_in_schema=False)
    async def home() -> RedirectResponse:
        return RedirectResponse("/apply")

    @app.get("/healthz", summary="プロセスが動いているか", tags=["health"])
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    return app
