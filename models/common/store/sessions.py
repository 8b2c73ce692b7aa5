"""The database as it is handed to whoever reads or writes it: layers above name this type and no library's."""

from collections.abc import Mapping
from typing import Any, cast

from sqlalchemy import CursorResult, Executable
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

DatabaseSession = AsyncSession
"""One session, within one transaction."""
DatabaseSessions = async_sessionmaker[AsyncSession]
"""Opens sessions; each is a transaction of its own."""


async def rows_changed(session: DatabaseSession, statement: Executable, parameters: Mapping[str, Any]) -> int:
    """Run a statement that is no query, in the caller's transaction; return how many rows it has changed."""
    return cast("CursorResult[Any]", await session.execute(statement, parameters)).rowcount
