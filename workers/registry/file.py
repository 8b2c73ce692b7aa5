"""`tetsuzuki load FILE`: bring a registry file into Postgres, row by row, as often as one likes."""

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from models.common.identifiers import Identifier
from models.common.store.sessions import DatabaseSessions
from workers.registry.reader import read_rows
from workers.registry.records import AnyRecord, BusinessGroupRecord, OperatorRecord
from workers.registry.snapshot import Refusal, Snapshot

BATCH_ROWS = 500
"""Rows of one transaction: enough to be fast, few enough not to hold offices locked for long."""
_TRIES = 3


class RefusedRow(NamedTuple):
    """A row that was not taken. `line` counts from 1; `reason` is Japanese."""

    line: int
    reason: str


class LoadReport(BaseModel):
    """What became of every row of the file."""

    model_config = ConfigDict(frozen=True)

    loaded: int = 0
    """Rows that added or changed something."""
    unchanged: int = 0
    refused: tuple[RefusedRow, ...] = ()


async def load(
    sessions: DatabaseSessions, path: Path, progress: Callable[[int], None] = lambda _bytes: None
) -> LoadReport:
    """Load every good row of the file and say why each other one was refused.

    `progress` is called with the bytes of the file that are done. Rows are committed in batches: after a failure in
    between (`OSError`, `DBAPIError`) the file can simply be loaded again.
    """
    taken: Counter[bool] = Counter()
    refused: list[RefusedRow] = []
    rows = read_rows(path)
    while batch := list(islice(rows, BATCH_ROWS)):
        results = await _apply(sessions, [row.record or row.refused_because for row in batch])
        for row, result in zip(batch, results, strict=True):
            if isinstance(result, str):
                refused.append(RefusedRow(row.line, result))
            else:
                taken[result] += 1
        progress(batch[-1].bytes_read)
    progress(_size(path))  # what follows the last row
    return LoadReport(loaded=taken[True], unchanged=taken[False], refused=tuple(refused))


def _size(path: Path) -> int:
    return path.stat().st_size


async def _apply(sessions: DatabaseSessions, rows: Sequence[AnyRecord | str], tries: int = _TRIES) -> list[bool | str]:
    """Apply one batch, again if a case got in between (a deadlock, or the same row added at the same time)."""
    try:
        async with sessions.begin() as session:
            return await _apply_once(session, rows)
    except DBAPIError:
        if tries == 1:
            raise
    return await _apply(sessions, rows, tries - 1)


async def _apply_once(session: AsyncSession, rows: Sequence[AnyRecord | str]) -> list[bool | str]:
    """Bring rows into the registry, in their order; a row that could not be read is the reason itself.

    The result of each is whether it changed anything, or why it is refused.
    """
    records = [row for row in rows if not isinstance(row, str)]
    names = {str(value) for record in records for _, value in record if isinstance(value, Identifier)}
    names |= {record.name for record in records if isinstance(record, OperatorRecord)}
    registry = Snapshot(session)
    await registry.read(names, sum(isinstance(record, BusinessGroupRecord) for record in records))
    results = [row if isinstance(row, str) else _apply_row(registry, row) for row in rows]
    await registry.write()
    return results


def _apply_row(registry: Snapshot, record: AnyRecord) -> bool | str:
    try:
        return record.apply(registry)
    except Refusal as refusal:
        return str(refusal)
