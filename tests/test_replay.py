"""Replay is a promise: what has once run must still be understood by today's procedures."""

import json
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from tests.check_paths import CHECK_PATHS
from tests.myics_paths import MYICS_PATHS
from tests.paths import ENDED, IN_THE_MIDDLE
from tests.short_paths import SHORT_PATHS
from workers.temporal import DATA_CONVERTER
from workers.wiring import WORKFLOWS

HISTORIES = {
    file.stem: file.read_text(encoding="utf-8") for file in (Path(__file__).parent / "histories").glob("*.json")
}


@pytest.mark.parametrize("name", sorted(HISTORIES))
async def test_committed_history_replays(name: str) -> None:
    history = WorkflowHistory.from_json(name, HISTORIES[name])
    await Replayer(workflows=WORKFLOWS, data_converter=DATA_CONVERTER).replay_workflow(history)


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
