"""Links and codes that prove who reads a mail.

Both are derived from what the procedure is, so that a mail that is tried again holds the same ones, and neither is kept
anywhere. That a link is used once, and that a newer one ends the older, is written in the procedure's row.
"""

import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from itsdangerous import BadData, URLSafeSerializer

from models.common.secret_keys import SecretKeys
from models.common.security_log import SecurityEvent, security_event

CODE_DIGITS = 6


class PersonalLinkKind(StrEnum):
    """What a link is for: one of a kind opens nothing of another. Each package has kinds of its own."""


@dataclass(frozen=True)
class PersonalLink:
    """What a link says. `occurrence` counts how often a link was made for this procedure, from 1."""

    kind: PersonalLinkKind
    procedure_id: str
    occurrence: int
    expires_at: datetime
    """To the second; aware."""

    def token(self, secret_keys: SecretKeys) -> str:
        """Return what the address carries: the same link always has the same."""
        facts = [self.procedure_id, self.occurrence, int(self.expires_at.timestamp())]
        return str(_serializer(secret_keys, self.kind).dumps(facts))

    def is_open(self, now: datetime) -> bool:
        return now < self.expires_at


def read_link(secret_keys: SecretKeys, kind: PersonalLinkKind, token: str) -> PersonalLink | None:
    """Return what the token says, expired or not; None if it was not made here, or for another kind."""
    try:
        procedure_id, occurrence, expires_at = _serializer(secret_keys, kind).loads(token)
    except (BadData, UnicodeError):  # half of a letter is in no link of ours
        security_event(SecurityEvent.FORGED_LINK, "refused", kind=str(kind))
        return None
    return PersonalLink(kind, procedure_id, occurrence, datetime.fromtimestamp(expires_at, UTC))


def code_of(secret_keys: SecretKeys, procedure_id: str, occurrence: int) -> str:
    """Return the six digits mailed for this procedure the n-th time."""
    return next(_codes(secret_keys, procedure_id, occurrence))


def is_code(secret_keys: SecretKeys, procedure_id: str, occurrence: int, typed: str) -> bool:
    """Whether these are the digits mailed for this procedure the n-th time, by the key of then."""
    codes = _codes(secret_keys, procedure_id, occurrence)
    return any(hmac.compare_digest(code.encode(), typed.encode()) for code in codes)


def _codes(secret_keys: SecretKeys, procedure_id: str, occurrence: int) -> Iterator[str]:
    for digest in secret_keys.digests(f"mailed code:{procedure_id}:{occurrence}"):
        yield f"{int.from_bytes(digest) % 10**CODE_DIGITS:0{CODE_DIGITS}}"


def _serializer(secret_keys: SecretKeys, kind: PersonalLinkKind) -> URLSafeSerializer:
    return secret_keys.serializer(f"personal link: {kind}")
