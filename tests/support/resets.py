"""*Reset*, as somebody does it who reaches Temporal's own port."""

from enum import Enum
from typing import Any
from uuid import uuid4

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import ResetReapplyExcludeType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import Client, WorkflowHandle


class ResetTo(Enum):
    """To which of the workflow tasks that were completed."""

    FIRST = 0
    LAST = -1


async def reset(
    client: Client, handle: WorkflowHandle[Any, Any], to: ResetTo = ResetTo.FIRST, *, without_updates: bool = False
) -> None:
    """Go back to the end of this task, which is run again; the server sends again what came after, or no updates."""
    description = await handle.describe()
    events = (await handle.fetch_history()).events
    tasks = [event.event_id for event in events if event.HasField("workflow_task_completed_event_attributes")]
    await client.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=handle.id, run_id=description.run_id or ""),
            reason="a test",
            workflow_task_finish_event_id=tasks[to.value],
            request_id=str(uuid4()),
            reset_reapply_exclude_types=[ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_UPDATE]
            if without_updates
            else [],
        )
    )
