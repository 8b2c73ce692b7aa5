"""The keys by which other systems are known: each has a name, which is what the records call its system, and scopes."""

import hashlib
import hmac
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from models.common.guessable import refuse_guessable

ANONYMOUS = "anonymous"
"""What a system is called where the API is open to everybody: there is no key that names it."""
DEFAULT_NAME = "default"
"""The name of a key that is given without one."""


class Scope(StrEnum):
    """What a system may do."""

    APPLY = "apply"
    """Send applications."""
    REPORT = "report"
    """Report what has happened elsewhere: events, and mails that have come back."""
    ASK = "ask"
    """Ask what is so: whether evidence may be stored."""


ALL_SCOPES = frozenset(Scope)
_FORMS = "NAME:SCOPES:KEY, NAME:KEY or a bare key"
_RESERVED = {ANONYMOUS}
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_KEY = re.compile(r"[A-Za-z0-9._~+/-]+=*")
"""What can be sent after `Bearer` (RFC 6750)."""


@dataclass(frozen=True)
class ApiKey:
    """A key, known by its hash: who reads the memory of the web learns none."""

    name: str
    scopes: frozenset[Scope]
    digest: bytes

    @classmethod
    def read(cls, text: str) -> Self:
        """Read `NAME:SCOPES:KEY`, `NAME:KEY` or a bare key, the last two of every scope; scopes are joined by `+`.

        Raises `ValueError`, which says what is wanted and shows no key.
        """
        if not text.strip():
            raise ValueError(f"a key is blank: give {_FORMS}, each once and separated by commas")
        named, colon, key = text.strip().rpartition(":")
        name, scoped, scopes = named.partition(":")
        name = name if colon else DEFAULT_NAME
        if not _NAME.fullmatch(name) or name in _RESERVED:
            raise ValueError(
                "a key's name has 1 to 40 lower-case letters, digits, - and _, and is none of "
                f"{', '.join(sorted(_RESERVED))}; give {_FORMS}"
            )
        refuse_guessable(key, f"the key {name!r}")
        if not _KEY.fullmatch(key):
            raise ValueError(f"the key {name!r} has characters that no header carries: letters, digits and -._~+/ do")
        return cls(name, _scopes(name, scopes) if scoped else ALL_SCOPES, _digest(key))


def _scopes(name: str, text: str) -> frozenset[Scope]:
    parts = text.split("+")
    if not set(parts) <= set(Scope):
        raise ValueError(f"the scopes of the key {name!r} are some of {', '.join(Scope)}, joined by +")
    return frozenset(map(Scope, parts))


def read_api_keys(texts: Iterable[str]) -> tuple[ApiKey, ...]:
    """Read all keys. Raises `ValueError` for one that is wrong, and for a name or a key that is there twice."""
    keys = tuple(ApiKey.read(text) for text in texts)
    _refuse_twice("the name {!r} is given to two keys: each system has a name of its own", [key.name for key in keys])
    if len({key.digest for key in keys}) < len(keys):
        raise ValueError("two systems have the same key: give each a key of its own")
    return keys


def key_sent(keys: Sequence[ApiKey], sent: str) -> ApiKey | None:
    """Return which of the keys was sent; None for another text. Takes as long whichever key it is."""
    digest, found = _digest(sent), None
    for key in keys:
        if hmac.compare_digest(digest, key.digest):
            found = key
    return found


def _digest(key: str) -> bytes:
    # Keys are long and random, so that a plain hash can be inverted by nobody.
    return hashlib.sha256(key.encode()).digest()


def _refuse_twice(wrong: str, names: Sequence[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ValueError(wrong.format(name))
