"""Who acted is known from a recorded history alone: no server, database or worker is asked."""

import base64
import json
from typing import Any

import pytest

from models.common.signatures import HEADER, SignatureRefusal, SignatureRefusedError, SignedPlace, Verifier
from tests.support.recorded_histories import HISTORIES
from tests.support.signing import PUBLIC

ACCEPTED = "workflowExecutionUpdateAcceptedEventAttributes"


def accepted(history: str) -> list[tuple[bytes, SignedPlace, Any]]:
    """The entry, the place and the message of each update that the history says was accepted."""
    events = json.loads(history)["events"]
    started = events[0]["workflowExecutionStartedEventAttributes"]
    found = []
    for event in events:
        if request := event.get(ACCEPTED, {}).get("acceptedRequest"):
            sent = request["input"]
            [message] = sent["args"]["payloads"]
            entry = base64.b64decode(sent["header"]["fields"][HEADER]["data"])
            place = SignedPlace(
                started["workflowId"], started["firstExecutionRunId"], sent["name"], request["meta"]["updateId"]
            )
            found.append((entry, place, json.loads(base64.b64decode(message["data"]))))
    return found


OPERATIONS = [(name, *update) for name, history in sorted(HISTORIES.items()) for update in accepted(history)]


def test_every_accepted_operation_of_every_recorded_history_verifies_from_it_alone() -> None:
    verifier = Verifier(PUBLIC)
    kinds = {verifier.verify(entry, place, message).actor.kind for _, entry, place, message in OPERATIONS}
    assert len(OPERATIONS) > len(HISTORIES) / 2
    assert "operator" in kinds


@pytest.mark.parametrize("field", SignedPlace._fields)
def test_moved_to_another_place_none_of_them_does(field: str) -> None:
    verifier = Verifier(PUBLIC)
    for _, entry, place, message in OPERATIONS:
        with pytest.raises(SignatureRefusedError) as refused:
            verifier.verify(entry, place._replace(**{field: "another"}), message)
        assert refused.value.refusal is SignatureRefusal.ALTERED
