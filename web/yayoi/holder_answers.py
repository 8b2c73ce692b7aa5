"""Notifying the workflows of an application that the contract's holder has answered (Y5a): they look at its row."""

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from models.common.store.notifications import NotifiedRows
from models.common.store.sessions import DatabaseSessions
from models.tables import HolderConfirmationRow
from models.yayoi.holder_confirmation import HOLDER_ANSWERED
from models.yayoi.identifiers import ApplicationNo, application_workflow_id, office_workflow_id
from models.yayoi.store.starting import application_of
from web.common.temporal_calls import temporal_call
from web.common.work_queue import process_batch


class HolderAnswers:
    """Notifies the application's own workflow and each office's, after the commit, and again until Temporal takes it.

    One that has not begun looks at the row when it does; one that has ended has nothing left to do.
    """

    def __init__(self, sessions: DatabaseSessions, client: Client) -> None:
        self._sessions = sessions
        self._client = client
        self._rows = NotifiedRows(sessions, HolderConfirmationRow)

    async def notify_all(self) -> None:
        """Notify what waits, the oldest first; leave the rest for later if Temporal is away."""
        await process_batch(await self._rows.waiting(), self.notify, self._rows.name)

    async def notify(self, application_no: object) -> None:
        """Notify the workflows of one application. Raises `UnreachableError`."""
        number = ApplicationNo(str(application_no))
        row = await self._rows.get(number)
        if row is None:
            return
        _, offices = await application_of(self._sessions, number)
        workflow_ids = [office_workflow_id(number, office.office_no) for office in offices]
        async with temporal_call():
            for workflow_id in (application_workflow_id(number), *workflow_ids):
                await self._signal(workflow_id)
        await self._rows.mark_notified(number, row.changed_at)

    async def _signal(self, workflow_id: str) -> None:
        try:
            await self._client.get_workflow_handle(workflow_id).signal(HOLDER_ANSWERED)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
