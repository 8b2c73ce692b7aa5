"""What pages and interfaces are made with: put together once, asked for by handlers with `Depends`."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from fastapi.templating import Jinja2Templates
from temporalio.client import Client

from models.common.calendar import day_in_japan, utc_now
from models.common.secret_keys import SecretKeys
from models.common.store.notifications import Row
from models.common.store.sessions import DatabaseSessions
from web.common.auth import Auth
from web.common.background_jobs import PeriodicJob
from web.common.body_limit import LargerBodies
from web.common.operation_sender import OperationSender
from web.common.workflow_notifier import Notification, WorkflowNotifier

Service = TypeVar("Service")


def given(kind: type[Service]) -> Callable[[Request], Service]:
    """Return the dependency that gives a handler the application's one object of this class."""

    def find(request: Request) -> Service:
        service: Service = request.app.state.services[kind]
        return service

    return find


class ShowsPages:
    """What the handlers of pages share, of whichever web application."""

    templates: Jinja2Templates
    now: Callable[[], datetime]

    @property
    def today(self) -> date:
        """The day in Japan."""
        return day_in_japan(self.now())

    def show(
        self, request: Request, template: str, facts: Mapping[str, Any], status: HTTPStatus | None = None
    ) -> Response:
        """Render a page. One whose form (`page`) was refused says so in its status too."""
        if status is None:
            page = facts.get("page")
            refused = getattr(page, "status", HTTPStatus.UNPROCESSABLE_ENTITY)
            status = refused if page and page.errors else HTTPStatus.OK
        return self.templates.TemplateResponse(request, template, dict(facts), status)


@dataclass(frozen=True)
class WebContext(ShowsPages):
    """What all handlers share. `public_url` is where applicants reach the web; `secret_keys` signs their links."""

    sessions: DatabaseSessions
    client: Client
    operations: OperationSender
    auth: Auth
    templates: Jinja2Templates
    task_queue: str
    public_url: str
    secret_keys: SecretKeys
    every: timedelta
    """How often what is stored but not started or not delivered is looked for."""
    now: Callable[[], datetime] = utc_now

    def notifying(self, table: type[Row], notification: Callable[[Row], Notification]) -> PeriodicJob:
        """Return the job that keeps the workflows of a table's rows informed."""
        notifier = WorkflowNotifier(self.sessions, self.client, table, notification, task_queue=self.task_queue)
        return PeriodicJob(notifier.notify_all, self.every)


Context = Annotated[WebContext, Depends(given(WebContext))]


@dataclass(frozen=True)
class WebPackage:
    """What one package adds to the application."""

    routers: Sequence[APIRouter] = ()
    apis: Sequence[APIRouter] = ()
    """Routers for other systems, which show a key."""
    services: Sequence[object] = ()
    """Each is given to handlers by its class (`given`)."""
    jobs: Sequence[PeriodicJob] = ()
    """What runs beside the requests."""
    larger_bodies: Mapping[str, LargerBodies] = field(default_factory=dict)
    """Paths to which more may be sent, by whom."""
    answers: Mapping[type[Exception], Callable[[Request, Exception], Awaitable[Response]]] = field(default_factory=dict)
    """What answers an error that only this package raises."""
