"""The keys that sign who acts: what each is for, and what it is good for at each time of its life."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from models.common.actors import ActorKind


class KeyPurpose(StrEnum):
    """Who signs with a key, and so for which kinds of actor."""

    OPERATORS = "operators"
    """The desk, and `tetsuzuki act`."""
    CUSTOMERS = "customers"
    """The public web."""
    AUDIT = "audit"
    """Heads of the audit trail, no operation."""

    @property
    def kinds(self) -> frozenset[ActorKind]:
        """Return for whom it signs: a key that leaks lets nobody speak as an actor of another kind."""
        return _KINDS[self]


_KINDS: Mapping[KeyPurpose, frozenset[ActorKind]] = {
    KeyPurpose.OPERATORS: frozenset({ActorKind.OPERATOR, ActorKind.COMMAND}),
    KeyPurpose.CUSTOMERS: frozenset(
        {
            ActorKind.APPLICANT,
            ActorKind.YAYOI_ID,
            ActorKind.HOLDER,
            ActorKind.REGISTRANT,
            ActorKind.FIRM,
            ActorKind.SYSTEM,
        }
    ),
    KeyPurpose.AUDIT: frozenset(),
}


class KeyState(StrEnum):
    """What a key is good for. Never a matter of time: workflows' clocks are weeks apart."""

    ACTIVE = "active"
    """Verifies, and signs once every worker knows it."""
    RETIRED = "retired"
    """Verifies, for ever; its private half is destroyed."""
    REVOKED = "revoked"
    """Leaked: verifies nothing new."""


KEY_ID = r"[a-z]{1,16}-[0-9a-f]{32}"
"""The shape of a key's id: its purpose, and the beginning of the hash of its public half."""


@dataclass(frozen=True)
class PublicKey:
    """The half of a key that everybody may know."""

    purpose: KeyPurpose
    value: bytes
    """32 bytes."""
    state: KeyState = KeyState.ACTIVE

    @cached_property
    def _key(self) -> Ed25519PublicKey:
        return Ed25519PublicKey.from_public_bytes(self.value)

    @cached_property
    def key_id(self) -> str:
        # 128 bits of the hash: nobody makes a second key with the same id.
        return f"{self.purpose}-{hashlib.sha256(self.value).hexdigest()[:32]}"

    def check(self) -> None:
        """Raise `ValueError` if its bytes are no key."""
        _ = self._key

    def now(self, state: KeyState) -> Self:
        """Return the key in another state."""
        return replace(self, state=state)

    def signed(self, signature: bytes, data: bytes) -> bool:
        """Whether this key made the signature of these bytes."""
        try:
            self._key.verify(signature, data)
        except InvalidSignature:
            return False
        return True


class PrivateKey:
    """The half that signs. It is shown in no text."""

    def __init__(self, purpose: KeyPurpose, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = PublicKey(purpose, self._key.public_key().public_bytes_raw())

    @classmethod
    def new(cls, purpose: KeyPurpose) -> Self:
        return cls(purpose, Ed25519PrivateKey.generate().private_bytes_raw())

    @classmethod
    def read(cls, text: str) -> Self:
        """Read what `text` has written. Raises `ValueError` for anything else, without showing it."""
        purpose, _, seed = text.strip().partition(":")
        if purpose not in set(KeyPurpose) or not re.fullmatch(r"[0-9a-f]{64}", seed):
            raise ValueError("no private key: PURPOSE: and 64 hexadecimal digits are wanted")
        return cls(KeyPurpose(purpose), bytes.fromhex(seed))

    def text(self) -> str:
        """Return it for the file that keeps it."""
        return f"{self.public.purpose}:{self._key.private_bytes_raw().hex()}\n"

    def sign(self, data: bytes) -> bytes:
        return self._key.sign(data)
