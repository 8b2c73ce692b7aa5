"""Rows that are stored before their workflow is started: which of them wait, and which wait no longer.

Each has a time `started_at`, which is empty until then.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import InstrumentedAttribute

from models.common.calendar import utc_now
from models.common.store.sessions import DatabaseSessions

_Key = TypeVar("_Key")


async def keys_to_start(
    sessions: DatabaseSessions,
    key: InstrumentedAttribute[_Key],
    stored: InstrumentedAttribute[Any],
    *conditions: ColumnElement[bool],
) -> Sequence[_Key]:
    """Return the keys of the rows that wait and meet the conditions, the one stored first before the others."""
    async with sessions() as session:
        waiting = select(key).where(key.class_.started_at.is_(None), *conditions)
        return (await session.scalars(waiting.order_by(stored))).all()


async def mark_started(sessions: DatabaseSessions, key: InstrumentedAttribute[_Key], value: _Key) -> None:
    """Note when the row of this key was started; the first time counts."""
    async with sessions.begin() as session:
        this = update(key.class_).where(key == value, key.class_.started_at.is_(None))
        await session.execute(this.values(started_at=utc_now()))
