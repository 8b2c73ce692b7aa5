"""Rows whose workflows are notified of what has changed in them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

from sqlalchemy import func, inspect, or_, select, update

from models.common.store.sessions import DatabaseSessions
from models.tables import NotifiedRow

Row = TypeVar("Row", bound=NotifiedRow)


class NotifiedRows(Generic[Row]):
    """The rows of one table. Each change of a row sets its `changed_at`; `notified_at` follows once Temporal knows."""

    def __init__(self, sessions: DatabaseSessions, table: type[Row]) -> None:
        self._sessions = sessions
        self._table = table
        [self._key] = inspect(table).primary_key

    @property
    def name(self) -> str:
        return str(self._table.__tablename__)

    async def waiting(self) -> Sequence[UUID | str | int]:
        """Return the keys of the rows whose workflows do not know of the last change, the oldest first."""
        table = self._table
        async with self._sessions() as session:
            keys = await session.scalars(
                select(self._key)
                .where(or_(table.notified_at.is_(None), table.notified_at < table.changed_at))
                .order_by(table.changed_at)
            )
            return keys.all()

    async def get(self, key: UUID | str | int) -> Row | None:
        async with self._sessions() as session:
            return await session.get(self._table, key)

    async def mark_notified(self, key: UUID | str | int, changed_at: datetime) -> None:
        """Write that the workflow knows of the change at that time; one that is later stays to be notified."""
        async with self._sessions.begin() as session:
            notified_at = func.greatest(self._table.notified_at, changed_at)  # Postgres ignores nulls
            await session.execute(update(self._table).where(self._key == key).values(notified_at=notified_at))
