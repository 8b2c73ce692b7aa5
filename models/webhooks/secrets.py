"""The secrets that webhooks are signed with: `whsec_` and 24 to 64 random bytes in base64 (Standard Webhooks)."""

import base64
import binascii
import secrets

PREFIX = "whsec_"
_SHORTEST, _LONGEST, _NEW = 24, 64, 32
"""Bytes."""


def new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(_NEW)).decode()


def checked_secret(text: str) -> str:
    """Return the secret. Raises `ValueError` for one that is none; what it was is not said."""
    secret = text.strip()
    encoded = secret.removeprefix(PREFIX)
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(PREFIX) or not _SHORTEST <= len(key) <= _LONGEST:
        raise ValueError(f"a secret is {PREFIX} followed by {_SHORTEST} to {_LONGEST} bytes in base64")
    return secret


def secrets_of(text: str) -> tuple[str, ...]:
    """Return the secrets of a list separated by commas. Raises `ValueError`."""
    return tuple(checked_secret(part) for part in text.split(",") if part.strip())
