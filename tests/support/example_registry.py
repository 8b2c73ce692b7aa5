"""The example registry in a test's database: loaded once, then copied table by table."""

from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from models.tables import Base
from workers import examples
from workers.registry.file import load

_ROWS: dict[str, list[dict[str, Any]]] = {}


async def fill_with_examples(sessions: async_sessionmaker[AsyncSession]) -> None:
    """Bring the example registry into a migrated database that holds none of it; quicker than by `load`."""
    if not _ROWS:
        await load(sessions, examples.registry())
        async with sessions() as session:
            for table in Base.metadata.sorted_tables:
                _ROWS[table.name] = [dict(row) for row in (await session.execute(select(table))).mappings()]
        return
    async with sessions.begin() as session:
        for table in Base.metadata.sorted_tables:
            if rows := _ROWS[table.name]:
                await session.execute(insert(table), rows)
                if (number := table.autoincrement_column) is not None:
                    sequence = func.pg_get_serial_sequence(table.name, number.name)
                    await session.execute(select(func.setval(sequence, max(row[number.name] for row in rows))))
