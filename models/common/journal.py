"""The journal: what no restore may roll back. One line each, numbered and chained; kept outside both stores.

This is its form alone; where it is kept is a protocol (`JournalStore`).
"""

import hashlib
import hmac
import secrets
from collections.abc import Collection, Iterable
from enum import StrEnum
from typing import Annotated, Literal, Protocol

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


class EndedKind(StrEnum):
    """What can have been ended for good."""

    SIGNING_KEY_RETIRED = "signing_key_retired"
    SIGNING_KEY_REVOKED = "signing_key_revoked"
    OPERATOR = "operator"
    OPERATOR_IDENTITY = "operator_identity"
    OPERATOR_ROLES = "operator_roles"
    CASE_LINK = "case_link"
    HOLDER_LINKS = "holder_links"
    """All that a contract's holder was mailed so far."""
    WEBHOOK_SUBSCRIBER = "webhook_subscriber"
    ACCOUNT = "account"
    """Stopped by whoever manages it; it may be used again once they say so."""


class Revocation(BaseModel):
    """Something was ended. A restore ends it again, unless its own copy knows of what came later."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    kind: Literal["revocation"] = "revocation"
    request: str
    """Tells one ending from another of the same thing: it is journalled once."""
    what: EndedKind
    about: str
    """The id of what was ended, or of whose it was: no person's name or address."""
    left: list[str] = []
    """Of roles: those that were left. Of an identity: issuer and subject. Of a link: the number that is valid now;
    of a holder's links: that of the last mail whose links were ended."""


class Promise(BaseModel):
    """Numbers up to this one may have been given out: a restore goes on above it."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    kind: Literal["promise"] = "promise"
    request: str
    last: int


class Taken(BaseModel):
    """Contract IDs within the pool's range that customers turned out to have of their own."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    kind: Literal["taken"] = "taken"
    request: str
    ranges: list[tuple[int, int]]
    """First and last of each."""


Said = Annotated[Erasure | Revocation | Promise | Taken, Field(discriminator="kind")]
"""What a line may say."""


class JournalEntry(BaseModel):
    """One line."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    number: int = Field(ge=1)
    """Counts the lines from 1."""
    at: str
    previous: str
    """The hash of the line before; empty for the first."""
    said: Said

    def line(self) -> bytes:
        return canonical(self.model_dump(mode="json"))

    def hash(self) -> str:
        return base64url(hashlib.sha256(self.line()).digest())


class JournalError(Exception):
    """The journal cannot be read or written, or is not whole; the text says where and why."""


class JournalStore(Protocol):
    """Where it is kept: a file, or another system. It is only ever added to."""

    async def append(self, said: Said, at: str) -> JournalEntry:
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


def next_entry(entries: list[JournalEntry], said: Said, at: str) -> JournalEntry:
    """Return the line that follows these."""
    previous = entries[-1].hash() if entries else ""
    return JournalEntry(number=len(entries) + 1, at=at, previous=previous, said=said)


def merged(one: list[JournalEntry], other: list[JournalEntry]) -> list[JournalEntry]:
    """Return the longer of two copies of one journal. Raises `JournalError` if neither continues the other."""
    shorter, longer = sorted((one, other), key=len)
    if longer[: len(shorter)] != shorter:
        raise JournalError("the two have gone apart: neither continues the other")
    return longer


def as_ranges(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Return the numbers as ranges, each of its first and its last."""
    ranges: list[tuple[int, int]] = []
    for number in sorted(set(numbers)):
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    return ranges


def _hash(key: bytes, address: str) -> str:
    return base64url(hmac.digest(key, address.encode(), hashlib.sha256))
