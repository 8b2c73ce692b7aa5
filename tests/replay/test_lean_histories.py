"""What a history need not hold: attributes that change nothing, signals from child to parent, a task for every step."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from models.yayoi.messages import OFFICE_CLOSED
from tests.support.recorded_histories import HISTORIES

EVENTS_TO_NOTICE, EVENTS_TO_CLOSED = 45, 100
"""At most, of one application with one office on the straight way: both its workflows together."""


def events(name: str) -> list[dict[str, Any]]:
    return list(json.loads(HISTORIES[name])["events"])


def changes(name: str) -> Iterator[dict[str, str]]:
    """The search attributes with which a workflow starts, then those of each upsert."""
    for event in events(name):
        for kind in ("workflowExecutionStarted", "upsertWorkflowSearchAttributes"):
            attributes = event.get(f"{kind}EventAttributes", {}).get("searchAttributes", {})
            if attributes or (kind.startswith("upsert") and f"{kind}EventAttributes" in event):
                fields = attributes.get("indexedFields", {})
                yield {key: base64.b64decode(value.get("data", "")).decode() for key, value in fields.items()}


@pytest.mark.parametrize("name", sorted(HISTORIES))
def test_a_search_attribute_is_written_only_when_it_changes(name: str) -> None:
    known: dict[str, str] = {}
    for number, written in enumerate(changes(name)):
        assert number == 0 or written
        assert {key for key, value in written.items() if known.get(key) == value} == set(), number
        known |= written


@pytest.mark.parametrize("name", sorted(HISTORIES))
def test_signals_to_others_carry_no_facts_and_an_office_signals_once_that_it_has_closed(name: str) -> None:
    signals = [
        each for event in events(name) if (each := event.get("signalExternalWorkflowExecutionInitiatedEventAttributes"))
    ]
    assert all("input" not in each for each in signals)
    if "office" in name:  # only one that goes on after it has closed (Y25)
        assert [each["signalName"] for each in signals] in ([], [OFFICE_CLOSED])
    if "application" in name:
        assert all(each["childWorkflowOnly"] for each in signals)


@pytest.mark.parametrize("name", sorted(HISTORIES))
def test_signals_from_outside_carry_no_facts(name: str) -> None:
    received = [each for event in events(name) if (each := event.get("workflowExecutionSignaledEventAttributes"))]
    assert [each["signalName"] for each in received if each.get("input", {}).get("payloads")] == []


def test_the_straight_way_takes_few_events() -> None:
    office, application = events("completed_at_once.office"), events("completed_at_once.application")
    first_report = next(
        number for number, event in enumerate(office) if "workflowExecutionUpdateAcceptedEventAttributes" in event
    )
    office_ended = next(
        number for number, event in enumerate(application) if "childWorkflowExecutionCompletedEventAttributes" in event
    )
    assert first_report + office_ended <= EVENTS_TO_NOTICE
    assert len(office) + len(application) <= EVENTS_TO_CLOSED
