"""Who acts at the command line: an engineer, by their own handle as an operator, else by their user's number."""

import os
import re

from models.common.actors import Actor, ActorKind, Channel
from workers.program import ClearError


def command_actor(handle: str | None = None) -> Actor:
    """Return it. Raises `ClearError` for what is no handle."""
    if handle is not None and not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,31}", handle):
        raise ClearError(f"{handle!r} is no operator's handle")
    return Actor(ActorKind.COMMAND, handle or f"uid-{os.getuid()}", channel=Channel.COMMAND)
