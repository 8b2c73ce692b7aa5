"""The number that a form carries, so that a double click is one event."""

from collections.abc import Mapping
from uuid import UUID, uuid4

FIELD = "event_id"


def event_id_of(sent: Mapping[str, object]) -> UUID:
    """Return the form's own number; a form without one was not ours and gets a new one."""
    try:
        return UUID(str(sent.get(FIELD)))
    except ValueError:
        return uuid4()
