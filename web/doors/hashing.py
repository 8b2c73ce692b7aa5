"""Passwords as they are kept: argon2, computed beside the requests that are being answered."""

import asyncio

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

AT_ONCE = 4
"""How many are computed at the same time in one process: each takes 64 MB for some hundredths of a second."""


class Hashing:
    """argon2 with the library's current recommendation; older hashes stay valid."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher()
        self._turn = asyncio.Semaphore(AT_ONCE)
        # Nobody's password: what is typed for an account that does not exist is compared with it.
        self._nobodys = self._hasher.hash("nobody's")

    async def hash(self, password: str) -> str:
        async with self._turn:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Whether it is the password. Without a hash the answer is no, and takes as long."""
        async with self._turn:
            right = await asyncio.to_thread(self._is_right, password_hash or self._nobodys, password)
        return right and password_hash is not None

    def _is_right(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False
