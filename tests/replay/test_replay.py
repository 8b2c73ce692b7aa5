"""Each recorded history replays with today's procedures; if not, open cases break."""

import base64
import json
from typing import Any

import pytest
from temporalio.client import WorkflowHistory

from models.yayoi.operator_actions import Action
from models.yayoi.procedures import Procedure
from tests.replay.address_check_paths import CHECK_PATHS
from tests.replay.myics_paths import MYICS_PATHS
from tests.replay.short_procedure_paths import SHORT_PATHS
from tests.support.recorded_histories import HISTORIES
from tests.support.recorded_paths import ENDED, IN_THE_MIDDLE
from tests.support.sandbox import replay
from workers.wiring.root import WORKFLOWS


@pytest.mark.parametrize("name", sorted(HISTORIES))
async def test_committed_history_replays(name: str) -> None:
    history = WorkflowHistory.from_json(name, HISTORIES[name])
    await replay(history)


def test_every_path_has_its_histories() -> None:
    wanted = {f"{path.__name__}.{part}" for path in (*ENDED, *IN_THE_MIDDLE) for part in ("application", "office")}
    wanted |= {f"check_{path.__name__}" for path in CHECK_PATHS}
    wanted |= {f"myics_{path.__name__}" for path in MYICS_PATHS}
    wanted |= {f"short_{path.__name__}" for path in SHORT_PATHS}
    assert wanted <= HISTORIES.keys()


def test_every_workflow_that_a_worker_runs_has_a_history() -> None:
    begun = [json.loads(text)["events"][0]["workflowExecutionStartedEventAttributes"] for text in HISTORIES.values()]
    recorded = {started["workflowType"]["name"] for started in begun}
    assert {workflow.__name__ for workflow in WORKFLOWS} - recorded == set()


def test_every_procedure_and_every_action_is_in_a_history() -> None:
    events = [event for text in HISTORIES.values() for event in json.loads(text)["events"]]
    begun = [event["workflowExecutionStartedEventAttributes"] for event in events if event["eventId"] == "1"]
    cases = [_sent(started["input"]) for started in begun if started["workflowType"]["name"] == "OfficeDataProcedure"]
    assert {case["procedure"] for case in cases} == set(Procedure)
    accepted = "workflowExecutionUpdateAcceptedEventAttributes"
    updates = {event[accepted]["acceptedRequest"]["input"]["name"] for event in events if accepted in event}
    assert set(Action) <= updates


def _sent(payloads: dict[str, Any]) -> Any:
    return json.loads(base64.b64decode(payloads["payloads"][0]["data"]))
