"""Whether this process can do its work: asked by whatever leads requests here, apart from whether it is alive."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from http import HTTPStatus

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from temporalio.client import Client
from temporalio.service import RPCError

from models.common.calendar import utc_now
from models.common.store.readiness import database_clock
from models.common.store.sessions import DatabaseSessions
from models.common.temporal_answers import is_unknown_workflow
from web.common.temporal_calls import UnreachableError, temporal_call

READY_PATH = "/readyz"
WITHIN = timedelta(seconds=3)
"""How long each is asked."""
CLOCKS_APART = timedelta(minutes=1)
"""How far this machine's clock may be from the database's: due dates and deadlines are days of both (Y11)."""
_NO_CASE = "ready"
"""The id of none."""
_log = logging.getLogger(__name__)


class Readiness(BaseModel):
    """What answers."""

    database: bool = Field(description="データベースが応答し、書き込める")
    temporal: bool = Field(description="Temporal が応答する。応答しない間も、受け付けは続けられる")
    clock: bool = Field(description="このコンピューターの時計が、データベースの時計と合っている")


def add_readiness(
    app: FastAPI, sessions: DatabaseSessions, client: Client | None, now: Callable[[], datetime] = utc_now
) -> None:
    """Add `/readyz`: 503 while the database or Temporal does not answer, or this machine's clock is wrong.

    `client` None: Temporal is not used. `now`: this machine's clock.
    """

    async def readyz() -> JSONResponse:
        there, here = await database_clock(sessions, WITHIN), now()
        agree = there is None or abs(there - here) <= CLOCKS_APART
        if not agree:
            _log.error("this machine's clock says %s, the database's %s: set both by a time server", here, there)
        found = Readiness(database=there is not None, temporal=await _temporal_is_ready(client), clock=agree)
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


async def _temporal_is_ready(client: Client | None) -> bool:
    """Say whether it answers about a case; the namespace itself may not be ours to look at."""
    if client is None:
        return True
    try:
        async with temporal_call(WITHIN):
            await client.get_workflow_handle(_NO_CASE).describe()
    except UnreachableError:
        return False
    except RPCError as error:
        return is_unknown_workflow(error)
    return True
