"""What a stranger has started at Temporal's port under the id of somebody's case: a worker has let it fail."""

from temporalio.client import Client, WorkflowExecutionStatus


async def has_failed(client: Client, workflow_id: str) -> bool:
    """Whether the newest run of this id has failed, as a worker lets fail what we have not started."""
    return (await client.get_workflow_handle(workflow_id).describe()).status is WorkflowExecutionStatus.FAILED


async def has_ended_by_force(client: Client, workflow_id: str) -> bool:
    """Whether it has failed so, or was terminated by an engineer."""
    status = (await client.get_workflow_handle(workflow_id).describe()).status
    return status in {WorkflowExecutionStatus.FAILED, WorkflowExecutionStatus.TERMINATED}
