"""Ending what a test has begun on the server that all tests share."""

from typing import Any

from temporalio.client import WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode


async def end(*procedures: WorkflowHandle[Any, Any]) -> None:
    """Terminate them; one that has ended meanwhile, or was never started, is no failure."""
    for procedure in procedures:
        try:
            await procedure.terminate()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
