"""Whether this process can do its work: asked by whatever leads requests here, apart from whether it is alive."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest, DescribeTaskQueueResponse
from temporalio.client import Client
from temporalio.service import RPCError

from models.common.calendar import utc_now
from models.common.store.readiness import database_clock
from models.common.store.sessions import DatabaseSessions
from web.common.temporal_calls import UnreachableError, temporal_call

READY_PATH = "/readyz"
WITHIN = timedelta(seconds=3)
"""How long each is asked."""
CLOCKS_APART = timedelta(minutes=1)
"""How far this machine's clock may be from the database's, and from Temporal's, whose timers keep deadlines (Y11)."""
POLLS_KEPT = timedelta(minutes=5)
"""For how long Temporal keeps who has asked for tasks, and when by its own clock, which it says nowhere else."""
_log = logging.getLogger(__name__)


class Readiness(BaseModel):
    """What answers."""

    database: bool = Field(description="データベースが応答し、書き込める")
    temporal: bool = Field(description="Temporal が応答する。応答しない間も、受け付けは続けられる")
    clock: bool = Field(description="このコンピューターの時計が、データベースと Temporal の時計と合っている")


def add_readiness(
    app: FastAPI,
    sessions: DatabaseSessions,
    client: Client | None,
    task_queue: str = "",
    now: Callable[[], datetime] = utc_now,
) -> None:
    """Add `/readyz`: 503 while the database or Temporal does not answer, or this machine's clock is wrong.

    `client` None: Temporal is not used; else its `task_queue` is asked for. `now`: this machine's clock.
    """

    async def readyz() -> JSONResponse:
        there, here = await database_clock(sessions, WITHIN), now()
        agree = there is None or abs(there - here) <= CLOCKS_APART
        if not agree:
            _log.error("this machine's clock says %s, the database's %s: set both by a time server", here, there)
        polls = await _last_polls(client, task_queue)
        if polls and not _may_be(now(), max(polls)):
            _log.error(
                "this machine's clock says %s, by Temporal's a worker asked for tasks at %s: set both by a time server",
                *(now(), max(polls)),
            )
            agree = False
        found = Readiness(database=there is not None, temporal=polls is not None, clock=agree)
        if found.database and found.temporal and found.clock:
            return JSONResponse(found.model_dump())
        return JSONResponse(found.model_dump(), HTTPStatus.SERVICE_UNAVAILABLE, headers={"Retry-After": "10"})

    app.add_api_route(
        READY_PATH,
        readyz,
        summary="要求に応えられるか",
        tags=["health"],
        response_model=Readiness,
        responses={
            503: {"model": Readiness, "description": "データベースか Temporal が応答しない、または時計が合っていない"}
        },
    )


def _may_be(here: datetime, last_poll: datetime) -> bool:
    """Say whether it can be this time, at most `CLOCKS_APART` off, if somebody has last asked for tasks then."""
    return last_poll - CLOCKS_APART <= here <= last_poll + POLLS_KEPT + CLOCKS_APART


async def _last_polls(client: Client | None, task_queue: str) -> Sequence[datetime] | None:
    """Return when workers have last asked for tasks, by Temporal's clock; None: it does not answer."""
    if client is None:
        return []
    asked: Callable[[DescribeTaskQueueRequest], Awaitable[DescribeTaskQueueResponse]]
    asked = client.workflow_service.describe_task_queue
    request = DescribeTaskQueueRequest(
        namespace=client.namespace,
        task_queue=TaskQueue(name=task_queue),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    )
    try:
        async with temporal_call(WITHIN):
            found = await asked(request)
    except (UnreachableError, RPCError):
        return None
    return [each.last_access_time.ToDatetime(UTC) for each in found.pollers]
