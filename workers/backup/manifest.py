"""The manifest of a backup: what is in it, when each store was copied, and how to know that it is whole."""

import hashlib
from datetime import datetime
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from workers.program import ClearError

MANIFEST, POSTGRES, TEMPORAL = "manifest.json", "postgres", "temporal.db"
JOURNAL, AUDIT_HEADS = "journal.jsonl", "audit-heads.jsonl"
_CHUNK = 1 << 20


class BackupError(ClearError):
    """A backup cannot be made or used; the message says why and what to do."""


class Manifest(BaseModel):
    """What a folder of a backup holds. It names master keys, and holds none."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    version: str
    """Of the program that made it."""
    temporal_copied_at: datetime
    """Temporal's store is as it was then,"""
    postgres_copied_at: datetime
    """and Postgres as it was then: a little later, never before."""
    epoch: int
    mark: int
    """What both stores carried before they were copied."""
    journal_lines: int
    master_keys: list[str]
    """The ids of those that open the cases: keep each for as long as a backup names it."""
    sha256: dict[str, str]
    """Of each file beside the manifest; of Postgres its own list, which has a checksum of every file of it."""

    @classmethod
    def of(cls, folder: Path) -> Self:
        """Read that of a backup, and see that its files are whole. Blocks. Raises `BackupError`."""
        file = folder / MANIFEST
        try:
            manifest = cls.model_validate_json(file.read_bytes())
        except OSError as error:
            raise BackupError(f"{folder} holds no backup ({MANIFEST}: {error.strerror})") from None
        except ValidationError as error:
            raise BackupError(f"{file} is altered, or of another version: {error.errors()[0]['msg']}") from None
        for name, expected in manifest.sha256.items():
            if digest(folder / name) != expected:
                raise BackupError(f"{folder / name} is not as it was written: take another backup")
        return manifest

    def write(self, folder: Path) -> None:
        """Write it, as the last file of a backup."""
        (folder / MANIFEST).write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")


def digest(file: Path) -> str | None:
    """Return the SHA-256 of a file; None: it is not there."""
    hashed = hashlib.sha256()
    try:
        with file.open("rb") as opened:
            while chunk := opened.read(_CHUNK):
                hashed.update(chunk)
    except OSError:
        return None
    return hashed.hexdigest()
