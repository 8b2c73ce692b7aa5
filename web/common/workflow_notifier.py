"""Notification procedures what was stored: a row's procedure is started, and later told what has changed in its row."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy import func, inspect, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.client import Client
from temporalio.common import TypedSearchAttributes, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from models.common.message import Message
from models.tables import NotifiedRow
from web.common.temporal_calls import temporal_call
from web.common.work_queue import process_batch

Row = TypeVar("Row", bound=NotifiedRow)


@dataclass(frozen=True)
class Notification:
    """The procedure of one row: how it is started, and what it is told of the row as it is now."""

    workflow: Callable[..., Any]
    workflow_id: str
    case: Message
    """What it starts with."""
    signal: str
    news: Message
    """What the signal says, whole: a later one replaces an earlier one."""
    summary: str
    details: str
    search_attributes: TypedSearchAttributes


class WorkflowNotifier(Generic[Row]):
    """Keeps the procedures of one table informed. Several web processes may tell the same: it makes no difference.

    Each change of a row sets its `changed_at`; whatever is newer than `notified_at` is told, after the commit and again
    until Temporal has taken it. No row is locked meanwhile.
    """

    def __init__(
        self,
        sessions: async_sessionmaker[AsyncSession],
        client: Client,
        table: type[Row],
        telling: Callable[[Row], Notification],
        *,
        task_queue: str,
    ) -> None:
        self._sessions = sessions
        self._client = client
        self._table = table
        self._telling = telling
        self._task_queue = task_queue
        [self._key] = inspect(table).primary_key

    async def notify_all(self) -> None:
        """Tell what waits, the oldest first; leave the rest for later if Temporal is away."""
        table = self._table
        async with self._sessions() as session:
            waiting: Sequence[UUID | str] = (
                await session.scalars(
                    select(self._key)
                    .where(or_(table.notified_at.is_(None), table.notified_at < table.changed_at))
                    .order_by(table.changed_at)
                )
            ).all()
        await process_batch(waiting, self.tell, table.__tablename__)

    async def tell(self, key: UUID | str) -> None:
        """Start the procedure of one row, or tell the one that runs. Raises `UnreachableError`."""
        async with self._sessions() as session:
            row = await session.get(self._table, key)
        if row is None:
            return  # it was deleted meanwhile, as its procedure's end
        telling = self._telling(row)
        async with temporal_call():
            # One that has ended: nobody is left to be told.
            with suppress(WorkflowAlreadyStartedError):
                await self._client.start_workflow(
                    telling.workflow,
                    telling.case,
                    id=telling.workflow_id,
                    task_queue=self._task_queue,
                    start_signal=telling.signal,
                    start_signal_args=[telling.news],
                    id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                    search_attributes=telling.search_attributes,
                    static_summary=telling.summary,
                    static_details=telling.details,
                )
        await self._told(key, row.changed_at)

    async def _told(self, key: UUID | str, changed_at: datetime) -> None:
        async with self._sessions.begin() as session:
            notified_at = func.greatest(self._table.notified_at, changed_at)  # Postgres leaves nulls out
            await session.execute(update(self._table).where(self._key == key).values(notified_at=notified_at))
