"""The seam to the keys of cases: erasing a case is forgetting its key, in the transaction that erases its rows."""

from collections.abc import Awaitable, Callable

from models.common.store.sessions import DatabaseSession

ForgetKey = Callable[[DatabaseSession, str], Awaitable[object]]
"""Forgets the key of an owner, which is the first two parts of its workflows' ids (`application/YS-000001`)."""


async def no_key_to_forget(_session: DatabaseSession, _owner: str) -> None:
    """Where histories are not encrypted: their executions are deleted, and that is all there is."""
