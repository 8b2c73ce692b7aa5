"""The journal as a file: append-only, each line on the disk before it counts."""

import asyncio
import fcntl
import os
from pathlib import Path
from typing import BinaryIO

from models.common.journal import Erasure, JournalEntry, JournalError, next_entry, read_journal
from workers.durable_files import sync_folder


class JournalFile:
    """One file. Two processes that write at once wait for each other."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def append(self, said: Erasure, at: str) -> JournalEntry:
        return await asyncio.to_thread(self._append, said, at)

    async def entries(self) -> list[JournalEntry]:
        return await asyncio.to_thread(self._entries)

    def _append(self, said: Erasure, at: str) -> JournalEntry:
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            is_new = not self._path.exists()
            with os.fdopen(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                entries = self._read(file)
                if known := [entry for entry in entries if entry.said.request == said.request]:
                    return known[-1]
                entry = next_entry(entries, said, at)
                # What a crash has left of a line was never taken for written, and goes.
                file.seek(sum(len(each.line()) + 1 for each in entries))
                file.truncate()
                file.write(entry.line() + b"\n")
                file.flush()
                os.fsync(file.fileno())
            if is_new:
                sync_folder(self._path.parent)  # else the file's name is not on the disk
        except OSError as error:
            raise JournalError(f"{self._path}: {error.strerror}") from None
        return entry

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
