"""`tetsuzuki load FILE`: bring a registry file into Postgres, row by row, as often as one likes."""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from sqlalchemy.exc import DBAPIError

from models.common.journal import Taken, as_ranges
from models.common.store.journalling import journal
from models.common.store.sessions import DatabaseSessions
from workers.registry.reader import Row, read_rows
from workers.registry.snapshot import Refusal, Snapshot

CONTRACT_IDS = range(6_000_000, 9_000_000)
"""Every number that could be a contract ID."""
BATCH_ROWS = 500
"""Rows of one transaction: enough to be fast, few enough not to hold offices locked for long."""
_TRIES = 3


class RefusedRow(NamedTuple):
    """A row that was not taken. `line` counts from 1; `reason` is Japanese."""

    line: int
    reason: str


class LoadReport(NamedTuple):
    """What became of every row of the file."""

    loaded: int
    """Rows that added or changed something."""
    unchanged: int
    refused: tuple[RefusedRow, ...]


async def load(
    sessions: DatabaseSessions,
    path: Path,
    progress: Callable[[int], None] = lambda _bytes: None,
    pool: range = CONTRACT_IDS,
) -> LoadReport:
    """Load every good row of the file and say why each other one was refused.

    `progress` is called with the bytes of the file that are done. `pool`: of which contract IDs the journal is written
    that customers have them, so that a restore gives them to nobody else. Rows are committed in batches: after a
    failure in between (`OSError`, `DBAPIError`) the file can simply be loaded again.
    """
    changed: list[bool] = []
    refused: list[RefusedRow] = []
    rows = read_rows(path)
    while batch := list(islice(rows, BATCH_ROWS)):
        for row, result in zip(batch, await _apply(sessions, batch, pool), strict=True):
            if isinstance(result, str):
                refused.append(RefusedRow(row.line, result))
            else:
                changed.append(result)
        progress(batch[-1].bytes_read)
    progress((await asyncio.to_thread(path.stat)).st_size)  # what follows the last row
    return LoadReport(loaded=sum(changed), unchanged=changed.count(False), refused=tuple(refused))


async def _apply(sessions: DatabaseSessions, batch: Sequence[Row], pool: range) -> list[bool | str]:
    """Apply one batch, again if a case got in between (a deadlock, or the same row added at the same time)."""
    for _ in range(_TRIES - 1):
        with suppress(DBAPIError):
            return await _apply_once(sessions, batch, pool)
    return await _apply_once(sessions, batch, pool)


async def _apply_once(sessions: DatabaseSessions, batch: Sequence[Row], pool: range) -> list[bool | str]:
    """Return of each row whether it changed anything, or why it is refused."""
    async with sessions.begin() as session:
        registry = Snapshot(session)
        await registry.read({value for row in batch for _, value in row.record or () if isinstance(value, str)})
        known = registry.contract_ids()
        results: list[bool | str] = []
        for row in batch:
            try:
                results.append(row.record.apply(registry) if row.record else row.refused_because)
            except Refusal as refusal:
                results.append(str(refusal))
        await registry.write()
        if ranges := as_ranges(number for number in map(int, registry.contract_ids() - known) if number in pool):
            request = f"taken:{hashlib.sha256(repr(ranges).encode()).hexdigest()}"
            await journal(session, Taken(request=request, ranges=ranges))
    return results
