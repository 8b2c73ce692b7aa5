"""Whether the database takes what is stored."""

import asyncio
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from models.common.store.sessions import DatabaseSessions


async def database_is_ready(sessions: DatabaseSessions, within: timedelta) -> bool:
    """Say whether it answers, and may be written to: one that follows another, or is set to be read only, may not."""
    try:
        async with asyncio.timeout(within.total_seconds()), sessions() as session:
            read_only = await session.scalar(text("select current_setting('transaction_read_only')"))
            is_ready = bool(read_only == "off")
            if not is_ready:  # its place may have been taken by another server, which a new connection reaches
                await (await session.connection()).invalidate()
            return is_ready
    except (SQLAlchemyError, OSError):
        return False
