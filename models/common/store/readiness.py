"""Whether the database takes what is stored, and what its clock says."""

import asyncio
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from models.common.store.sessions import DatabaseSessions

_ASKED = text("select current_setting('transaction_read_only') = 'off', clock_timestamp()")


async def database_clock(sessions: DatabaseSessions, within: timedelta) -> datetime | None:
    """Return the time by the database's clock; None unless it answers, and may be written to.

    One that follows another, or is set to be read only, may not be.
    """
    try:
        async with asyncio.timeout(within.total_seconds()), sessions() as session:
            takes, now = (await session.execute(_ASKED)).one()
            if not takes:  # its place may have been taken by another server, which a new connection reaches
                await (await session.connection()).invalidate()
    except (SQLAlchemyError, OSError):
        return None
    return now if takes else None
