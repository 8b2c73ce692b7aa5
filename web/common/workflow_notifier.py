"""Notifying workflows of what was stored: a row's workflow is started, and signalled of changes of its row."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic
from uuid import UUID

from temporalio.client import Client
from temporalio.common import Priority, TypedSearchAttributes, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from models.common.message import Message
from models.common.messages import ROW_CHANGED
from models.common.store.notifications import NotifiedRows, Row
from models.common.store.sessions import DatabaseSessions
from web.common.strangers import end_stranger
from web.common.temporal_calls import temporal_call
from web.common.work_queue import process_batch


@dataclass(frozen=True)
class Notification:
    """The workflow of one row: how it is started, and by which signal it is asked to look at the row."""

    workflow: Callable[..., Any]
    workflow_id: str
    case: Message
    """What it starts with."""
    summary: str
    details: str
    search_attributes: TypedSearchAttributes
    signal: str = ROW_CHANGED
    priority: Priority = Priority.default


class WorkflowNotifier(Generic[Row]):
    """Keeps the workflows of one table informed. Several web processes may notify the same: it makes no difference.

    A change is notified after its commit, and again until Temporal has taken it. No row is locked meanwhile.
    """

    def __init__(
        self,
        sessions: DatabaseSessions,
        client: Client,
        table: type[Row],
        notification: Callable[[Row], Notification],
        *,
        task_queue: str,
    ) -> None:
        self._rows = NotifiedRows(sessions, table)
        self._client = client
        self._notification = notification
        self._task_queue = task_queue

    async def notify_all(self) -> None:
        """Notify what waits, the oldest first; leave the rest for later if Temporal is away."""
        await process_batch(await self._rows.waiting(), self.notify, self._rows.name)

    async def notify(self, key: UUID | str | int) -> None:
        """Start the workflow of one row, or signal the one that runs. Raises `UnreachableError`."""
        row = await self._rows.get(key)
        if row is None:
            return  # it was deleted meanwhile, as its procedure's end
        notification = self._notification(row)
        start = partial(
            self._client.start_workflow,
            notification.workflow,
            notification.case,
            id=notification.workflow_id,
            task_queue=self._task_queue,
            start_signal=notification.signal,
            search_attributes=notification.search_attributes,
            static_summary=notification.summary,
            static_details=notification.details,
            priority=notification.priority,
        )
        async with temporal_call():
            with suppress(WorkflowAlreadyStartedError):  # one that has ended has nobody left to be notified
                looks = row.notified_at is None  # a stranger may have been quicker, and has been signalled
                try:
                    await start(id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE)
                except WorkflowAlreadyStartedError:
                    looks = True
                if looks and await end_stranger(self._client, notification.workflow_id):
                    await start(id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE)
        await self._rows.mark_notified(key, row.changed_at)
