"""The keys by which other systems are known: each has a name, which is what the records call its system."""

import hashlib
import hmac
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

ANONYMOUS = "anonymous"
"""What a system is called where the API is open to everybody: there is no key that names it."""
DEFAULT_NAME = "default"
"""The name of a key that is given without one."""
LEAST_LENGTH = 32
"""Characters of a key: 128 bits, which nobody guesses, are 32 hexadecimal digits; other spellings hold more in them."""

_RESERVED = {ANONYMOUS}
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_KEY = re.compile(r"[A-Za-z0-9._~+/-]+=*")
"""What can be sent after `Bearer` (RFC 6750)."""


@dataclass(frozen=True)
class ApiKey:
    """A key, known by its hash: who reads the memory of the web learns none."""

    name: str
    digest: bytes

    @classmethod
    def read(cls, text: str) -> Self:
        """Read `NAME:KEY` or a bare key. Raises `ValueError`, which says what is wanted and shows no key."""
        if not text.strip():
            raise ValueError("a key is blank: give NAME:KEY, or a bare key, each once and separated by commas")
        name, named, key = text.strip().rpartition(":")
        name = name if named else DEFAULT_NAME
        if not _NAME.fullmatch(name) or name in _RESERVED:
            raise ValueError(
                "a key's name has 1 to 40 lower-case letters, digits, - and _, and is none of "
                f"{', '.join(sorted(_RESERVED))}; give NAME:KEY, or a bare key"
            )
        if len(key) < LEAST_LENGTH:
            raise ValueError(
                f"the key {name!r} has {len(key)} characters: give at least {LEAST_LENGTH}, such as from "
                'python3 -c "import secrets; print(secrets.token_urlsafe(32))"'
            )
        if not _KEY.fullmatch(key):
            raise ValueError(f"the key {name!r} has characters that no header carries: letters, digits and -._~+/ do")
        return cls(name, _digest(key))


def read_api_keys(texts: Iterable[str]) -> tuple[ApiKey, ...]:
    """Read all keys. Raises `ValueError` for one that is wrong, and for a name or a key that is there twice."""
    keys = tuple(ApiKey.read(text) for text in texts)
    _refuse_twice("the name {!r} is given to two keys: each system has a name of its own", [key.name for key in keys])
    if len({key.digest for key in keys}) < len(keys):
        raise ValueError("two systems have the same key: give each a key of its own")
    return keys


def system_of(keys: Sequence[ApiKey], sent: str) -> str | None:
    """Return the name of the key that was sent; None for another text. Takes as long whichever key it is."""
    digest, found = _digest(sent), None
    for key in keys:
        if hmac.compare_digest(digest, key.digest):
            found = key.name
    return found


def _digest(key: str) -> bytes:
    # Keys are long and random, so that a plain hash can be inverted by nobody.
    return hashlib.sha256(key.encode()).digest()


def _refuse_twice(wrong: str, names: Sequence[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ValueError(wrong.format(name))
