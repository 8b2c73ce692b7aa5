"""The queues of an operator's day, each with its link into the Temporal Web UI: one's own and everybody's."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.responses import Response

from models.common.operators import Area
from web.backoffice.broken_cases import Broken
from web.backoffice.desk import HOME, Desk, Operator, seeing
from web.common.auth import page_router
from web.common.context import given
from workflows.backoffice.queues import Queue, QueueFilter, link

QUEUES = f"{HOME}/queues"


@dataclass(frozen=True)
class QueueLinks:
    """Where the Web UI shows a queue, and where it saves it among its views; None for one that is wrong tomorrow."""

    show: str
    save: str | None


@dataclass(frozen=True)
class QueuesInWebUi:
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


router = page_router()


@router.get(QUEUES, dependencies=[Depends(seeing(Area.WEB_UI))])
async def queues(
    request: Request,
    desk: Desk,
    who: Operator,
    broken: Broken,
    *,
    web_ui: Annotated[QueuesInWebUi, Depends(given(QueuesInWebUi))],
) -> Response:
    """Show them; one's own are those of who is logged in, unless the name cannot be in a query."""
    try:
        own = web_ui.links(QueueFilter(desk.today, who.operator.name))
    except ValueError:
        own = {}
    facts = {
        "who": who,
        "broken": await broken.shown(desk, who),
        "today": desk.today,
        "links": web_ui.links(QueueFilter(desk.today)),
        "own": own,
    }
    return desk.show(request, "backoffice/desk_queues.html", facts)
