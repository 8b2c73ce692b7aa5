"""What the database says of itself and of the cases, in numbers: nothing by which anybody is known."""

from typing import Any

from sqlalchemy import func, select, text

from models.backoffice.data_map import CLOSED_STAGE
from models.common.store.sessions import DatabaseSession
from models.tables import CaseStatusRow, NoticeRow

_SERVER = text(
    "select current_setting('server_version') as version, current_setting('max_connections')::int as max_connections, "
    "current_setting('shared_buffers') as shared_buffers, "
    "current_setting('default_transaction_read_only') as read_only, "
    "current_setting('synchronous_commit') as synchronous_commit, pg_is_in_recovery() as in_recovery, "
    "pg_database_size(current_database()) as bytes, extract(epoch from clock_timestamp())::float as clock"
)
_CONNECTIONS = text(
    "select coalesce(state, 'none') as state, count(*) as count, "
    "max(extract(epoch from now() - xact_start))::int as longest_transaction_s "
    "from pg_stat_activity where datname = current_database() group by 1 order by 1"
)
_WAITING = text("select count(*) from pg_locks where not granted")
_TABLES = text(
    "select relname as name, n_live_tup as rows, n_dead_tup as dead, pg_total_relation_size(relid) as bytes "
    "from pg_stat_user_tables where schemaname = 'public' order by bytes desc, name"
)
_REVISION = text("select version_num from alembic_version")


async def read_database(session: DatabaseSession) -> dict[str, Any]:
    """Return the server, the schema's revision, the connections to this database and the size of each table."""
    [server] = (await session.execute(_SERVER)).mappings()
    return {
        "server": dict(server),
        "revision": await session.scalar(_REVISION),
        "connections": [dict(row) for row in (await session.execute(_CONNECTIONS)).mappings()],
        "locks_waited_for": await session.scalar(_WAITING),
        "tables": [dict(row) for row in (await session.execute(_TABLES)).mappings()],
    }


async def read_cases(session: DatabaseSession) -> dict[str, Any]:
    """Return how many cases are where, and how many mails are on their way."""
    row, mail = CaseStatusRow, NoticeRow
    where = (row.procedure, row.stage, row.waiting_for, row.held, row.failing, row.undelivered)
    counted = select(*where, func.count().label("count")).where(row.outcome.is_(None), row.stage != CLOSED_STAGE)
    pending = select(func.count()).where(mail.sent_at.is_(None), mail.refused_because.is_(None))
    refused = select(func.count()).where(mail.sent_at.is_(None), mail.refused_because.is_not(None))
    return {
        "open": [dict(each) for each in (await session.execute(counted.group_by(*where).order_by(*where))).mappings()],
        "mails_pending": await session.scalar(pending),
        "mails_refused": await session.scalar(refused),
    }
