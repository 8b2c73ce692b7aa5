"""How what Temporal keeps is encrypted: one key per case, which a master key wraps. Knows no store and no SDK.

What is erased with a person is the key of their cases: whatever was encrypted with it can be read by nobody from then
on, wherever copies of it lie.
"""

import hashlib
import json
import os
import re
from collections.abc import Sequence
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple, Protocol, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
_NONCE_BYTES = 12

HOUSE = "house"
"""The owner of what belongs to no case: what it encrypts is about no person."""
FORGOTTEN = "forgotten"
"""The key id of what was encrypted with a key that nobody has kept."""
_KEY_ID = re.compile(r"[!-~]{1,255}", re.ASCII)


class UnreadableError(Exception):
    """It was not encrypted with this key, or was altered since."""


class KeyGone(StrEnum):
    """Why there is no key."""

    ERASED = "erased"
    """It was there, and is gone for good."""
    UNKNOWN = "unknown"
    """There never was one."""


OPENED_WITH = "decrypted-with"
"""In the metadata of a payload that our codec has decrypted: with which key. It never leaves the process."""
WRITTEN_FOR = "for"
"""In the metadata of what is encrypted: for which workflow, by what its id has behind the owner (`own_part`)."""


def key_owner(workflow_id: str | None) -> str:
    """Return whose key encrypts what a workflow says: the first two parts of its id, `application/YS-000001`.

    An application shares its key with its offices and with whatever else begins with its id. An id of one part
    (schedules, what commands start) has no case behind it, and so the house's key.
    """
    kind, _, rest = (workflow_id or "").partition("/")
    name = rest.partition("/")[0]
    return f"{kind}/{name}" if kind and name else HOUSE


def own_part(workflow_id: str) -> str:
    """Return what an id has behind the owner of its key: `/office/1`. The house's workflows share nothing: all of it.

    One key encrypts for several workflows, so that what was written for one could be copied into another.
    """
    return workflow_id.removeprefix(key_owner(workflow_id))


def is_key_id(text: str) -> bool:
    """Whether it can be the id of a key at all: anybody at Temporal's port can write what they like there."""
    return _KEY_ID.fullmatch(text) is not None


class CaseKey:
    """The key of one owner. It is shown in no text, and never changes."""

    def __init__(self, key_id: str, value: bytes) -> None:
        self.key_id = key_id
        self._cipher = AESGCM(value)

    @classmethod
    def forgotten(cls) -> Self:
        """Return a key that exists nowhere else: what it encrypts is lost, and in clear nowhere."""
        return cls(FORGOTTEN, new_key())

    def encrypt(self, namespace: str, data: bytes) -> bytes:
        """Encrypt for this namespace: elsewhere, or under another key id, it cannot be decrypted."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, data, self._place(namespace))

    def decrypt(self, namespace: str, encrypted: bytes) -> bytes:
        """Return what was encrypted. Raises `UnreadableError`."""
        return _decrypted(self._cipher, encrypted, self._place(namespace))

    def _place(self, namespace: str) -> bytes:
        return json.dumps([namespace, self.key_id]).encode()


def new_key() -> bytes:
    return os.urandom(KEY_BYTES)


class WrappedKey(NamedTuple):
    """A case's key as it is stored: nothing to whoever has not the master key."""

    master_key_id: str
    wrapped: bytes


class WrapsKeys(Protocol):
    """What a session carries, so that a case is stored together with its key: `workers.master_keys.MasterKeys`."""

    async def wrap(self, owner: str, key: bytes) -> WrappedKey: ...


class MasterKey:
    """A key that wraps the keys of cases. It is shown in no text but that of its own file."""

    def __init__(self, value: bytes) -> None:
        if len(value) != KEY_BYTES:
            raise ValueError(f"a master key has {KEY_BYTES} bytes")
        self._value = value

    @classmethod
    def new(cls) -> Self:
        return cls(new_key())

    @cached_property
    def key_id(self) -> str:
        """Made of the key itself, so that a wrong one is noticed before anything is wrapped with it."""
        return f"mk-{hashlib.sha256(b'tetsuzuki master key:' + self._value).hexdigest()[:32]}"

    def reveal(self) -> bytes:
        """Return the key, for the file, variable or service that keeps it."""
        return self._value

    def wrap(self, owner: str, key: bytes) -> WrappedKey:
        nonce = os.urandom(_NONCE_BYTES)
        return WrappedKey(self.key_id, nonce + self._cipher.encrypt(nonce, key, self._place(owner)))

    def unwrap(self, owner: str, wrapped: bytes) -> bytes:
        """Return the key of this owner. Raises `UnreadableError`."""
        return _decrypted(self._cipher, wrapped, self._place(owner))

    @cached_property
    def _cipher(self) -> AESGCM:
        return AESGCM(self._value)

    def _place(self, owner: str) -> bytes:
        return json.dumps([self.key_id, owner]).encode()


class UnknownMasterKeyError(Exception):
    """A case's key is wrapped by a master key that is not here; the text is that one's id."""


class MasterKeyRing:
    """The master keys that a process has: the first wraps, each unwraps what it has wrapped."""

    def __init__(self, keys: Sequence[MasterKey]) -> None:
        self._keys = {key.key_id: key for key in keys}

    @property
    def ids(self) -> list[str]:
        """From the one that wraps on."""
        return list(self._keys)

    def wrap(self, owner: str, key: bytes) -> WrappedKey:
        """Wrap with the first. Raises `UnknownMasterKeyError` if there is none at all."""
        if not self._keys:
            raise UnknownMasterKeyError("none")
        return next(iter(self._keys.values())).wrap(owner, key)

    def unwrap(self, owner: str, stored: WrappedKey) -> bytes:
        """Return the key of this owner. Raises `UnknownMasterKeyError`, and `UnreadableError` for an altered row."""
        master = self._keys.get(stored.master_key_id)
        if master is None:
            raise UnknownMasterKeyError(stored.master_key_id)
        return master.unwrap(owner, stored.wrapped)

    def rewrap(self, owner: str, stored: WrappedKey) -> WrappedKey:
        """Wrap the same key with the first. Raises as both do."""
        return self.wrap(owner, self.unwrap(owner, stored))


def _decrypted(cipher: AESGCM, encrypted: bytes, place: bytes) -> bytes:
    try:
        return cipher.decrypt(encrypted[:_NONCE_BYTES], encrypted[_NONCE_BYTES:], place)
    except (InvalidTag, ValueError):  # altered, of another key, or too short to hold anything
        raise UnreadableError from None
