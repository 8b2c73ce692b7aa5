"""What a stranger has started at Temporal's port under the id of somebody's case: it is ended, and ours is started.

What our own processes start with is encrypted with the key of its own case, which nobody else has. On our task queues a
worker ends what is not (`workers/start_guard.py`); what names another one would hold the id for ever.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Protocol, runtime_checkable

from temporalio.api.common.v1 import Payload, WorkflowExecution
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryRequest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from models.common.temporal_answers import is_unknown_workflow

NOT_STARTED_BY_US = "not started by this installation: its input is not encrypted with the key of its case"
_log = logging.getLogger(__name__)


@runtime_checkable
class KnowsItsOwn(Protocol):
    """What encrypts for us: `workers.codec.CaseCodec`."""

    async def has_encrypted(self, workflow_id: str, payloads: Sequence[Payload]) -> bool:
        """Whether this is the input of a workflow that we have started; true also where nobody can say."""


async def end_stranger(client: Client, workflow_id: str) -> str | None:
    """End what runs under this id unless we have started it; return the run of the stranger, None for one of ours.

    One that has ended by itself is returned, too. Raises `RPCError`, also if there is no such workflow.
    """
    codec = client.data_converter.payload_codec
    if not isinstance(codec, KnowsItsOwn):
        return None
    execution = WorkflowExecution(workflow_id=workflow_id)
    # As it lies there: an interceptor may decrypt what the client's own call returns.
    asked = GetWorkflowExecutionHistoryRequest(namespace=client.namespace, execution=execution, maximum_page_size=1)
    found = await client.workflow_service.get_workflow_execution_history(asked, retry=True)
    started = found.history.events[0].workflow_execution_started_event_attributes
    if await codec.has_encrypted(workflow_id, started.input.payloads):
        return None
    run = started.first_execution_run_id
    _log.error("%s was not started by this installation: it is ended, and started in its place", workflow_id)
    try:
        await client.get_workflow_handle(workflow_id, first_execution_run_id=run).terminate(reason=NOT_STARTED_BY_US)
    except RPCError as error:
        if not is_unknown_workflow(error):
            raise
    return run


async def start_in_its_place(client: Client, workflow_id: str, start: Callable[..., Awaitable[object]]) -> None:
    """Start a workflow; what a stranger has started under its id is ended, and ours is started in its place.

    `start` takes an `id_reuse_policy`, and fails where one runs. One of ours that runs already, or has ended and is not
    to be started again, stays as it is. Raises `RPCError`.
    """
    with suppress(WorkflowAlreadyStartedError):
        try:
            await start()
        except WorkflowAlreadyStartedError:
            if await end_stranger(client, workflow_id) is None:
                raise
            await start(id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE)


async def has_ended_by_force(client: Client, workflow_id: str) -> bool:
    """Whether the newest run of this id has failed, or was terminated by an engineer."""
    status = (await client.get_workflow_handle(workflow_id).describe()).status
    return status in {WorkflowExecutionStatus.FAILED, WorkflowExecutionStatus.TERMINATED}
