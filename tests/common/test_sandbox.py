"""The sandbox: tests restrict our own modules of workflows, workers import them once."""

import asyncio
from typing import Any
from uuid import uuid4

from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from tests.support.clock_reading import ReadsTheClock
from tests.support.ending import end
from tests.support.sandbox import RESTRICTED
from workers.wiring.root import PASSED_THROUGH

OURS = ("activities", "models", "workflows")


def test_workers_pass_our_modules_through_and_tests_restrict_those_of_workflows() -> None:
    assert _passed_through(PASSED_THROUGH) >= set(OURS)
    assert "workflows" not in _passed_through(RESTRICTED)


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


def _passed_through(runner: WorkflowRunner) -> set[str]:
    assert isinstance(runner, SandboxedWorkflowRunner)
    return runner.restrictions.passthrough_modules
