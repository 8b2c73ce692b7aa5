"""The status of workflows, as Temporal has it."""

import asyncio
from collections.abc import Iterable
from enum import Enum, auto

from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError

from models.common.temporal_answers import is_unknown_workflow

_AT_ONCE = 20


class WorkflowStatus(Enum):
    """What Temporal says of a workflow."""

    RUNNING = auto()
    COMPLETED = auto()
    """It came to its own end."""
    ENDED = auto()
    """Terminated, cancelled, timed out or failed: it did not come to its end."""
    UNKNOWN = auto()
    """Temporal does not know it, or no longer keeps it."""


_STATUSES = {
    WorkflowExecutionStatus.RUNNING: WorkflowStatus.RUNNING,
    WorkflowExecutionStatus.CONTINUED_AS_NEW: WorkflowStatus.RUNNING,
    WorkflowExecutionStatus.COMPLETED: WorkflowStatus.COMPLETED,
}


async def status_of(client: Client, workflow_id: str) -> WorkflowStatus:
    """Return the status of the newest run. Raises `RPCError` if Temporal does not answer."""
    try:
        described = await client.get_workflow_handle(workflow_id).describe()
    except RPCError as error:
        if is_unknown_workflow(error):
            return WorkflowStatus.UNKNOWN
        raise
    return _STATUSES.get(described.status or WorkflowExecutionStatus.RUNNING, WorkflowStatus.ENDED)


async def statuses_of(client: Client, workflow_ids: Iterable[str]) -> dict[str, WorkflowStatus]:
    """Return those of many, some at a time. Raises as `status_of` does, if Temporal does not answer for one of them."""
    turns = asyncio.Semaphore(_AT_ONCE)

    async def look_up(workflow_id: str) -> tuple[str, WorkflowStatus]:
        async with turns:
            return workflow_id, await status_of(client, workflow_id)

    return dict(await asyncio.gather(*map(look_up, sorted(set(workflow_ids)))))
