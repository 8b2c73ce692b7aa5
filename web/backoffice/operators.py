"""The operators' first page: every queue of their day, each with its link into the Temporal Web UI. No case is read."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from models.common.identifiers import composed
from web.common.context import Context, given
from web.common.problems import ProblemError
from workflows.backoffice.queues import Queue, QueueFilter, link

NO_NAME = "担当者の名前に「'」と「\\」は使えません。名前を確認し、もう一度入力してください。"


@dataclass(frozen=True)
class QueueLinks:
    """Where the Web UI shows a queue, and where it saves it among its views; None for one that is wrong tomorrow."""

    show: str
    save: str | None


@dataclass(frozen=True)
class OperatorsWebUi:
    """Where operators reach the Temporal Web UI, and in which namespace the cases are."""

    url: str
    namespace: str

    def links(self, of: QueueFilter) -> dict[Queue, QueueLinks]:
        return {
            queue: QueueLinks(
                show=link(self.url, self.namespace, queue, of),
                save=None if queue.for_one_day else link(self.url, self.namespace, queue, of, save=True),
            )
            for queue in Queue
        }


router = APIRouter(include_in_schema=False)


@router.get("/operators")
async def queues(
    request: Request,
    context: Context,
    web_ui: Annotated[OperatorsWebUi, Depends(given(OperatorsWebUi))],
    name: Annotated[str, Query()] = "",
) -> Response:
    today, operator = context.today, composed(name)
    try:
        own = web_ui.links(QueueFilter(today, operator)) if operator else {}
    except ValueError:
        raise ProblemError(HTTPStatus.BAD_REQUEST, NO_NAME) from None
    facts = {"today": today, "operator": operator, "links": web_ui.links(QueueFilter(today)), "own": own}
    return context.show(request, "backoffice/operators.html", facts)
