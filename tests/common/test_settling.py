"""What tests wait for, and end: a case at rest has nothing on its way to others, and what has ended may be ended."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowExecutionStatus
from temporalio.testing import WorkflowEnvironment

from tests.support.ending import end
from tests.support.settling import _settled

NOW = datetime(2026, 11, 4, tzinfo=UTC)


def event(number: int, kind: str, **facts: Any) -> HistoryEvent:
    event = HistoryEvent(event_id=number)
    attributes = getattr(event, f"{kind}_event_attributes")
    attributes.SetInParent()
    for name, value in facts.items():
        setattr(attributes, name, value)
    return event


@pytest.mark.parametrize(
    ("begins", "ends", "begun_by"),
    [
        ("activity_task_scheduled", "activity_task_failed", "scheduled_event_id"),
        (
            "signal_external_workflow_execution_initiated",
            "external_workflow_execution_signaled",
            "initiated_event_id",
        ),
        (
            "signal_external_workflow_execution_initiated",
            "signal_external_workflow_execution_failed",
            "initiated_event_id",
        ),
        ("start_child_workflow_execution_initiated", "child_workflow_execution_started", "initiated_event_id"),
    ],
)
def test_what_is_under_way_is_waited_for(begins: str, ends: str, begun_by: str) -> None:
    begun = [event(1, "workflow_execution_started"), event(5, begins)]
    assert not _settled(begun, NOW)
    assert _settled([*begun, event(6, ends, **{begun_by: 5})], NOW)


async def test_what_has_ended_or_never_began_is_ended_without_an_error(temporal: WorkflowEnvironment) -> None:
    running = await temporal.client.start_workflow("Unattended", id=f"left/{uuid4()}", task_queue="nobody")
    for _ in range(2):
        await end(running, temporal.client.get_workflow_handle(f"never/{uuid4()}"))
    assert (await running.describe()).status is WorkflowExecutionStatus.TERMINATED
