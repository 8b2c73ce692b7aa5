"""The database as it is handed to whoever reads or writes it: layers above name this type and no library's."""

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

DatabaseSession = AsyncSession
"""One session, within one transaction."""
DatabaseSessions = async_sessionmaker[AsyncSession]
"""Opens sessions; each is a transaction of its own."""
