"""Whether this process can do its work: asked by whatever leads requests here, apart from whether it is alive."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from http import HTTPStatus

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError

from models.common.store.readiness import database_is_ready
from models.common.store.sessions import DatabaseSessions
from web.common.temporal_calls import UnreachableError, temporal_call

READY_PATH = "/readyz"
WITHIN = timedelta(seconds=3)
"""How long each is asked."""


class Readiness(BaseModel):
    """What answers."""

    database: bool = Field(description="データベースが応答し、書き込める")
    temporal: bool = Field(description="Temporal が応答する。応答しない間も、受け付けは続けられる")


def add_readiness(app: FastAPI, sessions: DatabaseSessions, client: Client | None) -> None:
    """Add `/readyz`: 503 while the database or Temporal does not answer. `client` None: Temporal is not used."""

    async def readyz() -> JSONResponse:
        found = Readiness(database=await database_is_ready(sessions, WITHIN), temporal=await _temporal_is_ready(client))
        if found.database and found.temporal:
            return JSONResponse(found.model_dump())
        return JSONResponse(found.model_dump(), HTTPStatus.SERVICE_UNAVAILABLE, headers={"Retry-After": "10"})

    app.add_api_route(
        READY_PATH,
        readyz,
        summary="要求に応えられるか",
        tags=["health"],
        response_model=Readiness,
        responses={503: {"model": Readiness, "description": "データベースか Temporal が応答しない"}},
    )


async def _temporal_is_ready(client: Client | None) -> bool:
    if client is None:
        return True
    asked: Callable[[DescribeNamespaceRequest], Awaitable[object]] = client.workflow_service.describe_namespace
    try:
        async with temporal_call(WITHIN):
            await asked(DescribeNamespaceRequest(namespace=client.namespace))
    except (UnreachableError, RPCError):
        return False
    return True
