"""The mark that Postgres carries: read by everybody, counted by one process at a time, raised by a restore."""

import secrets
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from models.common.store.sessions import DatabaseSession, DatabaseSessions
from models.common.store_marks import StoreMark
from models.tables import StoreMarkRow

_COUNTING = 7_000_016_005
"""The number by which Postgres knows the lock of the one that counts."""


async def mark_of_postgres(session: DatabaseSession) -> StoreMark | None:
    """Return it; None: nothing was counted yet."""
    row = await session.get(StoreMarkRow, 1, populate_existing=True)
    return StoreMark(row.epoch, row.token, row.mark) if row else None


async def begin_mark(session: DatabaseSession) -> None:
    """Begin the first epoch, where there is none. As the schema's owner."""
    row = {"row_no": 1, "epoch": 1, "token": secrets.token_hex(8), "mark": 0}
    await session.execute(insert(StoreMarkRow).values(row).on_conflict_do_nothing())


async def raise_epoch(session: DatabaseSession, above: int, at: datetime) -> StoreMark:
    """Begin the next epoch, above this one too, as a restore does."""
    await begin_mark(session)
    row = await session.get_one(StoreMarkRow, 1, with_for_update=True, populate_existing=True)
    row.epoch, row.token, row.mark = max(row.epoch, above) + 1, secrets.token_hex(8), 1
    row.marked_at = row.restored_at = at
    return StoreMark(row.epoch, row.token, row.mark)


async def count_on(sessions: DatabaseSessions, taken: StoreMark | None) -> StoreMark | None:
    """Count up, if Temporal has `taken` what was counted last; return what Temporal is to be given.

    None: another process counts just now, or the two do not fit.
    """
    async with sessions.begin() as session:
        if not await session.scalar(select(func.pg_try_advisory_xact_lock(_COUNTING))):
            return None
        row = await session.get(StoreMarkRow, 1, with_for_update=True, populate_existing=True)
        if row is None or (taken and (row.epoch, row.token) != (taken.epoch, taken.token)):
            return None
        if (taken.mark if taken else 0) >= row.mark:
            row.mark, row.marked_at = row.mark + 1, func.now()
            await session.flush()
            await session.refresh(row)
        return StoreMark(row.epoch, row.token, row.mark)


async def restored_at(session: DatabaseSession) -> datetime | None:
    """Return when the last restore was; None: there was none."""
    return await session.scalar(select(StoreMarkRow.restored_at))
