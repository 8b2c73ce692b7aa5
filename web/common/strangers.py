"""What a stranger has started at Temporal's port under the id of somebody's case: known by its input, and ended."""

import logging
from contextlib import suppress

from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle
from temporalio.service import RPCError

from models.common.encryption import OPENED_WITH, key_owner
from models.common.message import Message
from models.common.temporal_answers import is_unknown_workflow

ENDED_BECAUSE = "not started by this installation"
_log = logging.getLogger(__name__)


async def end_unless_ours(client: Client, workflow_id: str, case: Message) -> bool:
    """End the newest run of this id unless we have started it. Return whether it was a stranger's.

    What our own processes start with is encrypted with the case's key. Where histories are not encrypted, it has to be
    made of the case's row as it is now.
    """
    newest = await client.get_workflow_handle(workflow_id).describe()
    run = client.get_workflow_handle(workflow_id, run_id=newest.run_id)
    if await _begins_with(client, run, case):
        return False
    _log.error("%s had been started by somebody else: that is ended, and the case is started", workflow_id)
    with suppress(RPCError):  # it has ended meanwhile, or is gone: the start that follows says what is
        await run.terminate(reason=ENDED_BECAUSE)
    return True


async def has_failed(client: Client, workflow_id: str) -> bool:
    """Whether the newest run of this id has failed, as a worker lets fail what we have not started."""
    return (await client.get_workflow_handle(workflow_id).describe()).status is WorkflowExecutionStatus.FAILED


async def _begins_with(client: Client, run: WorkflowHandle[object, object], case: Message) -> bool:
    try:
        first = await anext(aiter(run.fetch_history_events(page_size=1)))
    except RPCError as error:
        if is_unknown_workflow(error):
            return False
        raise
    payloads = list(first.workflow_execution_started_event_attributes.input.payloads)
    if (codec := client.data_converter.payload_codec) and payloads:
        opened = await codec.decode(payloads)
        if opened[0].metadata.get(OPENED_WITH) == key_owner(run.id).encode():
            return True
    try:
        return await client.data_converter.decode(payloads, [type(case)]) == [case]
    except Exception:  # noqa: BLE001 whoever reaches Temporal's port can send what nobody can read
        return False
