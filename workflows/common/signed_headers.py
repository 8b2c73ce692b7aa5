"""The header of an update that says who acts, as Temporal carries it: not encrypted, and kept in history."""

from collections.abc import Mapping

from temporalio.api.common.v1 import Payload

from models.common.signatures import HEADER

_ENCODING = {"encoding": b"json/plain"}  # so that the Web UI and `temporal` show it


def with_entry(headers: Mapping[str, Payload], entry: bytes) -> dict[str, Payload]:
    """Return the headers with a signed entry."""
    return {**headers, HEADER: Payload(metadata=_ENCODING, data=entry)}


def entry_in(headers: Mapping[str, Payload]) -> bytes | None:
    """Return the signed entry, None if there is none."""
    return headers[HEADER].data if HEADER in headers else None
