"""What a workflow's history was: its events' types, times and commitments, kept when Temporal no longer has it."""

from collections.abc import Mapping
from typing import Any

from models.common.commitments import SALT, commitment_of
from models.common.message import Message

SUMMARISED = "手続きの履歴を要約した"
"""The entry of the audit trail that holds a summary."""
EVENT_TYPE = "EVENT_TYPE_"


class SummarisedEvent(Message):
    """One event. Its commitment is to the event as Temporal has it, with the summary's salt."""

    id: int
    type: str
    at: str
    commitment: str


class HistorySummary(Message):
    """One run of a workflow."""

    workflow_id: str
    run_id: str
    salt: str
    events: tuple[SummarisedEvent, ...]


def summarised(event: Mapping[str, Any], salt: str) -> SummarisedEvent:
    """Summarise one event, given as Temporal's own JSON."""
    return SummarisedEvent(
        id=int(event["eventId"]),
        type=str(event["eventType"]).removeprefix(EVENT_TYPE),
        at=str(event["eventTime"]),
        commitment=commitment_of({"event": dict(event), SALT: salt}),
    )
