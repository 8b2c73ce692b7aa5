"""The sandbox: tests restrict our own modules of workflows, workers do without it."""

import asyncio
from typing import Any
from uuid import uuid4

from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from tests.support.clock_reading import ReadsTheClock
from tests.support.ending import end
from tests.support.sandbox import RESTRICTED


def test_tests_restrict_the_modules_of_our_workflows() -> None:
    assert "workflows" not in RESTRICTED.restrictions.passthrough_modules


async def test_a_clock_that_a_helper_of_a_workflow_reads_is_seen(temporal: WorkflowEnvironment) -> None:
    queue = f"test-{uuid4()}"
    async with Worker(temporal.client, task_queue=queue, workflows=[ReadsTheClock], workflow_runner=RESTRICTED):
        started = await temporal.client.start_workflow(ReadsTheClock.run, id=queue, task_queue=queue)
        while not (failures := await _failures(started)):  # noqa: ASYNC110 the server is asked
            await asyncio.sleep(0.02)
        await end(started)
    assert "datetime.datetime.now" in failures[0]


async def _failures(handle: WorkflowHandle[Any, Any]) -> list[str]:
    return [
        event.workflow_task_failed_event_attributes.failure.message
        async for event in handle.fetch_history_events()
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
    ]
