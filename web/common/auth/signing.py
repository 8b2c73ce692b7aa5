"""Sending signed operations: the entry goes in a header, which the client's ordinary calls do not offer."""

from collections.abc import Iterator
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
    config["interceptors"] = [*config["interceptors"], _SendEntry()]
    return Client(**config)


class _SendEntry(Interceptor):
    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:  # noqa: A002 the SDK's name
        return _WithEntry(next)


class _WithEntry(OutboundInterceptor):
    async def start_workflow_update(
        self,
        input: StartWorkflowUpdateInput,  # noqa: A002 the SDK's name
    ) -> WorkflowUpdateHandle[Any]:
        if (entry := entry_to_send()) is not None:
            input.headers = with_entry(input.headers, entry)
        return await super().start_workflow_update(input)
