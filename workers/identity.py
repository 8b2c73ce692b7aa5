"""What a process is called in Temporal: its role, and marks that tell one machine and process from another.

The SDK's own name for a process holds that of the machine, which may be somebody's.
"""

import os
import secrets
import socket

from models.common.secret_keys import SecretKeys
from workers.settings import Settings
from workers.stack.places import Places

_DIGITS = 12


def identity(settings: Settings, role: str, pid: int | None = None) -> str:
    """Return what the process with this number is called on this machine; without one, this process."""
    return f"{on_this_machine(settings, role)}{_mark(settings, f'{socket.gethostname()} {pid or os.getpid()}')}"


def on_this_machine(settings: Settings, role: str) -> str:
    """Return what the names of all processes of this role on this machine (in a container: of this one) begin with."""
    return f"{role}-{_mark(settings, socket.gethostname())}-"


def _mark(settings: Settings, text: str) -> str:
    """Return digits that only who has the secret key can find the text of; without one, digits that mean nothing."""
    key = settings.secret_key.get_secret_value() if settings.secret_key else _kept_secret(settings)
    if key is None:
        return secrets.token_hex(_DIGITS // 2)
    return SecretKeys(key).digest(f"identity {text}").hex()[:_DIGITS]


def _kept_secret(settings: Settings) -> str | None:
    kept = Places(settings.state_dir).secret_key
    return kept.read_text() if kept.exists() else None
