"""Ending what has been kept long enough: the statements of the data map, each in a transaction of its own."""

from datetime import datetime

from sqlalchemy import text

from models.backoffice.data_map_document import DATA_MAP
from models.common.store.sessions import DatabaseSessions, rows_changed


async def end_what_was_kept_long_enough(sessions: DatabaseSessions, now: datetime) -> dict[str, int]:
    """Run every statement; return how many rows each table had to end. Run again, there is nothing left."""
    ended = {}
    for table, kept in DATA_MAP.items():
        if kept.ends:
            async with sessions.begin() as session:
                before = {"before": now - kept.ends.period}
                if count := await rows_changed(session, text(kept.ends.statement(table)), before):
                    ended[table] = count
    return ended
