"""For which form the workflow of an application was started: after a restore its number may be another's."""

from uuid import UUID

from temporalio.client import Client

from models.yayoi.messages import ApplicationCase


async def started_submission(client: Client, workflow_id: str) -> UUID | None:
    """Return the form of the newest run of this id; None for what cannot be read: it is not ours. Raises `RPCError`."""
    handle = client.get_workflow_handle(workflow_id)
    async for first in handle.fetch_history_events(page_size=1):
        payloads = first.workflow_execution_started_event_attributes.input.payloads
        try:
            [started] = await client.data_converter.decode(list(payloads), [ApplicationCase])
        except Exception:  # noqa: BLE001 of another key, or of anything
            return None
        return started.submission_id if isinstance(started, ApplicationCase) else None
    return None
