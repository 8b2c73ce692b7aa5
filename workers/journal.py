"""The journal as a file: append-only, each line on the disk before it counts."""

import asyncio
import fcntl
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Self

from models.common.journal import JournalEntry, JournalError, Said, merged, next_entry, read_journal
from workers.durable_files import sync_folder
from workers.settings import Settings
from workers.stack.places import Places


class JournalFile:
    """One file. Two processes that write at once wait for each other."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the one that these settings name."""
        return cls(settings.journal_file or Places(settings.state_dir).journal)

    @property
    def path(self) -> Path:
        return self._path

    def begin(self) -> None:
        """Make it if it is not there: one that is missing later on is missed. Raises `JournalError`."""
        self.write([])

    def write(self, entries: Collection[JournalEntry]) -> None:
        """Add those of these lines that are not in it, as a restore does. Blocks. Raises `JournalError`."""
        with self._opened() as file:
            known = self._read(file)
            more = merged(known, list(entries))[len(known) :]
            self._add(file, known, more)

    @contextmanager
    def _opened(self) -> Iterator[BinaryIO]:
        """Open it, alone, and make it if it is not there."""
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            is_new = not self._path.exists()
            with os.fdopen(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                yield file
            if is_new:
                sync_folder(self._path.parent)  # else the file's name is not on the disk
        except OSError as error:
            raise JournalError(f"{self._path}: {error.strerror}") from None

    async def append(self, said: Said, at: str) -> JournalEntry:
        return await asyncio.to_thread(self._append, said, at)

    async def entries(self) -> list[JournalEntry]:
        return await asyncio.to_thread(self._entries)

    def _append(self, said: Said, at: str) -> JournalEntry:
        with self._opened() as file:
            entries = self._read(file)
            if known := [entry for entry in entries if entry.said.request == said.request]:
                os.fsync(file.fileno())  # who wrote it may have failed to: what is read need not be on the disk
                return known[-1]
            entry = next_entry(entries, said, at)
            self._add(file, entries, [entry])
        return entry

    @staticmethod
    def _add(file: BinaryIO, known: Collection[JournalEntry], more: Collection[JournalEntry]) -> None:
        # What a crash has left of a line was never taken for written, and goes.
        file.seek(sum(len(each.line()) + 1 for each in known))
        file.truncate()
        file.writelines(each.line() + b"\n" for each in more)
        file.flush()
        os.fsync(file.fileno())

    def _entries(self) -> list[JournalEntry]:
        try:
            with self._path.open("rb") as file:
                return self._read(file)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise JournalError(f"{self._path}: {error.strerror}") from None

    def _read(self, file: BinaryIO) -> list[JournalEntry]:
        try:
            return read_journal(file)
        except JournalError as error:
            raise JournalError(f"{self._path}: {error}") from None
