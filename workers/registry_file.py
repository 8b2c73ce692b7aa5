"""`tetsuzuki load FILE`: bring a registry file into Postgres, row by row, as often as one likes."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from workers.registry_batch import Effect, Refusal, apply_rows
from workers.registry_reader import Row, read_rows
from workers.registry_records import AnyRecord

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


class _Report:
    """Counts while the file is being loaded."""

    def __init__(self) -> None:
        self.loaded = 0
        self.unchanged = 0
        self.refused: list[RefusedRow] = []

    def count(self, line: int, answer: Effect | Refusal | str) -> None:
        match answer:
            case Effect.LOADED:
                self.loaded += 1
            case Effect.UNCHANGED:
                self.unchanged += 1
            case _:
                self.refused.append(RefusedRow(line, str(answer)))


async def load(
    sessions: async_sessionmaker[AsyncSession], path: Path, progress: Callable[[int], None] = lambda _bytes: None
) -> LoadReport:
    """Load every good row of the file and say why each other one was refused.

    `progress` is told how many bytes of the file are done. Rows are committed in batches: after a failure in between
    (`OSError`, `DBAPIError`) the file can simply be loaded again.
    """
    report = _Report()
    for rows in _batches(read_rows(path)):
        answers = iter(await _apply(sessions, [row.record for row in rows if row.record]))
        for row in rows:
            report.count(row.line, next(answers) if row.record else row.refused_because)
        progress(rows[-1].bytes_read)
    progress(_size(path))  # what follows the last row
    return LoadReport(loaded=report.loaded, unchanged=report.unchanged, refused=tuple(report.refused))


def _size(path: Path) -> int:
    return path.stat().st_size


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    rows = iter(rows)
    while batch := list(islice(rows, BATCH_ROWS)):
        yield batch


async def _apply(sessions: async_sessionmaker[AsyncSession], records: list[AnyRecord]) -> list[Effect | Refusal]:
    """Apply one batch, again if a case got in between (a deadlock, or the same row added at the same moment)."""
    for _ in range(_TRIES - 1):
        try:
            return await _apply_once(sessions, records)
        except DBAPIError:
            continue
    return await _apply_once(sessions, records)


async def _apply_once(sessions: async_sessionmaker[AsyncSession], records: list[AnyRecord]) -> list[Effect | Refusal]:
    async with sessions.begin() as session:
        return await apply_rows(session, records)
