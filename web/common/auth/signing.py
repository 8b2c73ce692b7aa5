"""Sending signed operations: the entry goes in a header, which the client's ordinary calls do not offer."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from temporalio.client import (
    Client,
    Interceptor,
    OutboundInterceptor,
    StartWorkflowUpdateInput,
    WorkflowUpdateHandle,
)

from workflows.common.signed_headers import with_entry

_ENTRY: ContextVar[bytes | None] = ContextVar("signed_entry", default=None)


@contextmanager
def sending_with(entry: bytes) -> Iterator[None]:
    """Send the updates of this context with the entry. It is signed for one of them: no other is accepted."""
    before = _ENTRY.set(entry)
    try:
        yield
    finally:
        _ENTRY.reset(before)


def entry_to_send() -> bytes | None:
    """Return the entry with which updates of this context are sent, if there is one."""
    return _ENTRY.get()


def signing_client(client: Client) -> Client:
    """Return the client with what `sending_with` needs."""
    config = client.config()
    config["interceptors"] = [*config["interceptors"], SignedUpdatesOfClient(_entry_of_context)]
    return Client(**config)


EntryOf = Callable[[StartWorkflowUpdateInput, OutboundInterceptor], Awaitable[bytes | None]]
"""Returns with which entry an update is sent, None for none; it may ask the server by what it is given."""


async def _entry_of_context(_update: StartWorkflowUpdateInput, _following: OutboundInterceptor) -> bytes | None:
    return entry_to_send()


class SignedUpdatesOfClient(Interceptor):
    """Puts an entry into the header of the updates that a client sends."""

    def __init__(self, entry_of: EntryOf) -> None:
        self._entry_of = entry_of

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:  # noqa: A002 the SDK's name
        return _WithEntry(next, self._entry_of)


class _WithEntry(OutboundInterceptor):
    def __init__(self, following: OutboundInterceptor, entry_of: EntryOf) -> None:
        super().__init__(following)
        self._entry_of = entry_of

    async def start_workflow_update(
        self,
        input: StartWorkflowUpdateInput,  # noqa: A002 the SDK's name
    ) -> WorkflowUpdateHandle[Any]:
        if (entry := await self._entry_of(input, self.next)) is not None:
            input.headers = with_entry(input.headers, entry)
        return await super().start_workflow_update(input)
