"""What stands for a message's content in its signature: it proves the content, and says nothing once that is erased.

A commitment is the HMAC-SHA-256 of the content under a random salt. The salt travels in the message, which is encrypted
and can be erased; without it nobody can try contents until one fits.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from typing import Any

import rfc8785

SALT = "salt"
"""The field of a message that holds its salt; it is no part of the content."""
_BYTES = 32


class ContentError(ValueError):
    """The content cannot be committed to: it has no salt, or is no JSON that has one spelling (RFC 8785)."""


def new_salt() -> str:
    """Return a random salt: 32 bytes in base64url."""
    return base64url(secrets.token_bytes(_BYTES))


def salted(content: Mapping[str, Any], salt: str | None = None) -> dict[str, Any]:
    """Return the message that carries this content: with its salt, or else a new one."""
    return {**content, SALT: salt or new_salt()}


def commitment_of(message: object) -> str:
    """Return the commitment to a message, which is the decoded JSON as it lies in history, with its salt.

    Raises `ContentError`.
    """
    if not isinstance(message, Mapping):
        raise ContentError("the message is no JSON object")
    salt = message.get(SALT)
    key = from_base64url(salt) if isinstance(salt, str) else b""
    if len(key) != _BYTES:
        raise ContentError("the message has no salt of 32 bytes")
    content = {name: value for name, value in message.items() if name != SALT}
    return base64url(hmac.digest(key, canonical(content), hashlib.sha256))


def canonical(value: Any) -> bytes:
    """Return the one spelling of a JSON value (RFC 8785). Raises `ContentError` for what has none."""
    try:
        return rfc8785.dumps(value)
    except (ValueError, RecursionError) as error:  # NaN, numbers beyond 2**53, half of a character, endless nesting
        raise ContentError(f"no JSON that has one spelling: {type(error).__name__}") from None


def base64url(data: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def from_base64url(text: str) -> bytes:
    """Return what `base64url` has written; nothing of any other text, also one that some decoders take for the same."""
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return b""
    return data if base64url(data) == text else b""
