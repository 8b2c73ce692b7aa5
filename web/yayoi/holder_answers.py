"""Notifying a pair's workflow, and its application's, that the contract's holder has answered (Y5a): they look."""

from uuid import UUID

from temporalio.client import Client
from temporalio.service import RPCError

from models.common.store.notifications import NotifiedRows
from models.common.store.sessions import DatabaseSessions
from models.common.temporal_answers import is_unknown_workflow
from models.tables import HolderConfirmationRow
from models.yayoi.holder_confirmation import HOLDER_ANSWERED
from models.yayoi.identifiers import ApplicationNo, application_workflow_id, office_workflow_id
from web.common.temporal_calls import temporal_call
from web.common.work_queue import process_batch


class HolderAnswers:
    """Notifies the workflows of the application and of the pair, after the commit, and again until Temporal takes it.

    One that has not begun looks at the row when it does; one that has ended has nothing left to do.
    """

    def __init__(self, sessions: DatabaseSessions, client: Client) -> None:
        self._sessions = sessions
        self._client = client
        self._rows = NotifiedRows(sessions, HolderConfirmationRow)

    async def notify_all(self) -> None:
        """Notify what waits, the oldest first; leave the rest for later if Temporal is away."""
        await process_batch(await self._rows.waiting(), self.notify, self._rows.name)

    async def notify(self, confirmation_id: UUID | str | int) -> None:
        """Notify the workflows of one pair. Raises `UnreachableError`."""
        row = await self._rows.get(confirmation_id)
        if row is None:
            return
        number = ApplicationNo(row.application_no)
        async with temporal_call():
            for workflow_id in (application_workflow_id(number), office_workflow_id(number, row.office_no)):
                await self._signal(workflow_id)
        await self._rows.mark_notified(confirmation_id, row.changed_at)

    async def _signal(self, workflow_id: str) -> None:
        try:
            await self._client.get_workflow_handle(workflow_id).signal(HOLDER_ANSWERED)
        except RPCError as error:
            if not is_unknown_workflow(error):
                raise
