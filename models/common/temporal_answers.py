"""What an error of Temporal says: something about the very workflow that was asked for, or only about the server."""

from typing import Protocol

_NO_NAMESPACE = b"NamespaceNotFoundFailure"
"""The name of the detail that the server sends with it."""


class _Status(Protocol):
    @property
    def name(self) -> str: ...


class ServerError(Protocol):
    """What `RPCError` has; nothing of Temporal's is imported here."""

    @property
    def status(self) -> _Status: ...
    @property
    def raw_grpc_status(self) -> bytes: ...


ABOUT_THE_REQUEST = frozenset({"NOT_FOUND", "ALREADY_EXISTS", "INVALID_ARGUMENT", "OUT_OF_RANGE"})
"""The statuses that answer what was asked for; by all others the server says that it cannot answer now, or us."""


def is_about_the_request(error: ServerError) -> bool:
    """Say whether the same request would be answered so again. A namespace that is not there is a setting of ours."""
    return error.status.name in ABOUT_THE_REQUEST and _NO_NAMESPACE not in error.raw_grpc_status


def is_unknown_workflow(error: ServerError) -> bool:
    """Say whether the server does not know the workflow, or knows that it has ended."""
    return error.status.name == "NOT_FOUND" and is_about_the_request(error)
