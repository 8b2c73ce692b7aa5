"""The journal: what no restore may roll back. One line each, numbered and chained; kept outside both stores.

This is its form alone; where it is kept is a protocol (`JournalStore`).
"""

import hashlib
import hmac
import secrets
from collections.abc import Collection, Iterable
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

from models.common.commitments import base64url, canonical, from_base64url


class Erasure(BaseModel):
    """Somebody was erased. Applied anew after a restore, to what was stored before `at` alone."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    kind: Literal["erasure"] = "erasure"
    request: str
    """The id of the request that was approved: it is journalled once."""
    cases: list[str]
    """The numbers of the cases that lose their key."""
    key: str
    """Of the hashes, so that they are worth nothing without this line."""
    addresses: list[str]
    """The HMAC-SHA-256 of every address tied to the person."""

    @classmethod
    def of(cls, request: str, addresses: Iterable[str], cases: Iterable[str]) -> "Erasure":
        key = secrets.token_bytes(32)
        hashes = sorted(_hash(key, address) for address in addresses)
        return cls(request=request, cases=sorted(cases), key=base64url(key), addresses=hashes)

    def names(self, address: str) -> bool:
        """Whether an address is one of the person's."""
        return _hash(from_base64url(self.key), address) in self.addresses


class JournalEntry(BaseModel):
    """One line."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    number: int = Field(ge=1)
    """Counts the lines from 1."""
    at: str
    previous: str
    """The hash of the line before; empty for the first."""
    said: Erasure

    def line(self) -> bytes:
        return canonical(self.model_dump(mode="json"))

    def hash(self) -> str:
        return base64url(hashlib.sha256(self.line()).digest())


class JournalError(Exception):
    """The journal cannot be read or written, or is not whole; the text says where and why."""


class JournalStore(Protocol):
    """Where it is kept: a file, or another system. It is only ever added to."""

    async def append(self, said: Erasure, at: str) -> JournalEntry:
        """Append a line and return it once it survives a power cut; or return the one of the same request.

        Raises:
            JournalError: it was not appended.

        """

    async def entries(self) -> Collection[JournalEntry]:
        """Return every line. Raises `JournalError` if one is altered, missing or moved."""


def read_journal(lines: Iterable[bytes]) -> list[JournalEntry]:
    """Read its lines. Raises `JournalError`, naming the line, for what is none, or not chained.

    A last line without its end was never taken for written: it is left out.
    """
    entries: list[JournalEntry] = []
    for number, line in enumerate(lines, start=1):
        if not line.endswith(b"\n"):
            break
        try:
            entry = JournalEntry.model_validate_json(line)
            exact = entry.line() + b"\n" == line
        except ValueError:
            exact = False
        if not exact:
            raise JournalError(f"line {number} is altered")
        if (entry.number, entry.previous) != (number, entries[-1].hash() if entries else ""):
            raise JournalError(f"line {number} does not follow the line before: one is missing, altered or moved")
        entries.append(entry)
    return entries


def next_entry(entries: list[JournalEntry], said: Erasure, at: str) -> JournalEntry:
    """Return the line that follows these."""
    previous = entries[-1].hash() if entries else ""
    return JournalEntry(number=len(entries) + 1, at=at, previous=previous, said=said)


def _hash(key: bytes, address: str) -> str:
    return base64url(hmac.digest(key, address.encode(), hashlib.sha256))
