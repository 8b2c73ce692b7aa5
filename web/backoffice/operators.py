"""The operators' first page: every queue of their day, each with its link into the Temporal Web UI. No case is read."""

from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from fastapi.templating import Jinja2Templates

from models.common.calendar import day_in_japan
from web.common.problems import ProblemError
from workflows.backoffice.queues import Queue, QueueFilter, link

NO_NAME = "担当者の名前に「'」と「\\」は使えません。名前を確認し、もう一度入力してください。"


@dataclass(frozen=True)
class QueueLinks:
    """Where the Web UI shows a queue, and where it saves it among its views; None for one that is wrong tomorrow."""

    show: str
    save: str | None


def operators_pages(templates: Jinja2Templates, *, ui_url: str, namespace: str) -> APIRouter:
    """Return the page; `ui_url` is where operators reach the Web UI, `namespace` where the cases are."""
    router = APIRouter(include_in_schema=False)

    def links(asked: QueueFilter) -> dict[Queue, QueueLinks]:
        return {
            queue: QueueLinks(
                show=link(ui_url, namespace, queue, asked),
                save=None if queue.for_one_day else link(ui_url, namespace, queue, asked, save=True),
            )
            for queue in Queue
        }

    @router.get("/operators")
    async def queues(request: Request, name: Annotated[str, Query()] = "") -> Response:
        today, operator = day_in_japan(datetime.now(UTC)), name.strip()
        try:
            own = links(QueueFilter(today, operator)) if operator else {}
        except ValueError:
            raise ProblemError(HTTPStatus.BAD_REQUEST, NO_NAME) from None
        facts = {"today": today, "operator": operator, "links": links(QueueFilter(today)), "own": own}
        return templates.TemplateResponse(request, "backoffice/operators.html", facts)

    return router
