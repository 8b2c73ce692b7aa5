"""Connections to PostgreSQL by a socket in a folder with whatever name, and as nobody else's variables say."""

import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import asyncpg

PORT = 5432
"""Where none is named; also part of a socket's name."""
LONGEST_SOCKET_DIR = 107 - len(f"/.s.PGSQL.{PORT}")
"""Bytes: Linux allows 107 for the path of a Unix socket."""
_FOLDERS: dict[str, int] = {}
"""Open folders whose paths are too long, by path: what cancels a statement connects to the same socket again."""


async def connect(**given: Any) -> asyncpg.Connection:
    """Connect as `asyncpg.connect` does; a host that is a folder may have a path of any length, percent-encoded.

    Raises `ConnectionRefusedError` if none of several servers is the one that is wanted: after a failover it comes.
    """
    host = given.get("host")
    if isinstance(host, str) and host.startswith("/"):
        given |= {"host": [reached_by(unquote(host, errors="surrogateescape"))]}
    try:
        return await asyncpg.connect(**{"port": PORT} | given)
    except asyncpg.exceptions.TargetServerAttributeNotMatched as error:
        raise ConnectionRefusedError(str(error)) from None


def reached_by(folder: str) -> str:
    """Return a path of the folder that is short enough for a socket in it; its own where there is no other."""
    if can_be_reached(folder, otherwise=False) or not can_be_reached(folder):
        return folder
    known = _FOLDERS.get(folder)
    if known is None or not os.path.samestat(os.fstat(known), os.stat(folder)):  # noqa: PTH116 it is made anew
        known = _FOLDERS[folder] = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    return f"/proc/self/fd/{known}"


def can_be_reached(folder: Path | str, *, otherwise: bool = sys.platform == "linux") -> bool:
    """Whether a socket in the folder can be connected to. `otherwise`: also by an open folder, as Linux can."""
    return otherwise or len(os.fsencode(folder)) <= LONGEST_SOCKET_DIR
