"""How much an open case takes on the disk: of Temporal's own files, and of our database."""

import asyncio
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text

from bench.batch import measure
from bench.ours import Ours
from workers.stack.places import Places

_TASKS_DELETED_WITHIN = 75.0
"""Seconds. Temporal deletes the tasks that it has done once or twice a minute; they belong to no case."""
_TRY_AGAIN_AFTER = 0.2  # seconds


@dataclass(frozen=True)
class Storage:
    """Bytes per case that rests after its notice."""

    temporal: float
    postgres: float


async def measure_storage(ours: Ours, numbers: Iterable[int]) -> Storage:
    """Have these customers apply, and see by how much the files have grown once all is quiet again."""
    file = Places(ours.settings.state_dir).temporal
    temporal, postgres = await _quiet(ours, file)
    cases = (await measure(ours, numbers)).cases
    temporal_after, postgres_after = await _quiet(ours, file)
    return Storage((temporal_after - temporal) / len(cases), (postgres_after - postgres) / len(cases))


async def _quiet(ours: Ours, file: Path) -> tuple[int, int]:
    await asyncio.sleep(_TASKS_DELETED_WITHIN)
    return await _bytes_of_temporal(file), await _bytes_of_postgres(ours)


async def _bytes_of_temporal(file: Path) -> int:
    """Bytes in use after a checkpoint. Pages that are free again are not counted: the next cases get them."""
    with closing(sqlite3.connect(file)) as database:
        while database.execute("pragma wal_checkpoint(truncate)").fetchone()[0]:  # noqa: ASYNC110 busy
            await asyncio.sleep(_TRY_AGAIN_AFTER)
        [pages], [free], [size] = (
            database.execute(f"pragma {name}").fetchone() for name in ("page_count", "freelist_count", "page_size")
        )
    return int((pages - free) * size)


async def _bytes_of_postgres(ours: Ours) -> int:
    async with ours.sessions() as session:
        await session.execute(text("checkpoint"))
        return int((await session.execute(text("select pg_database_size(current_database())"))).scalar_one())
