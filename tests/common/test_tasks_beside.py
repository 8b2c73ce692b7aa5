"""Tasks beside the story of a case: what goes wrong in one is seen (the workflow task fails), and none outlives it."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from temporalio import activity
from temporalio.client import WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from tests.support.ending import end
from tests.support.sandbox import RESTRICTED
from tests.support.story_with_a_task import StoryWithATask


async def begun(temporal: WorkflowEnvironment, queue: str, kind: str) -> WorkflowHandle[Any, str]:
    return await temporal.client.start_workflow(StoryWithATask.run, kind, id=f"{queue}-{kind}", task_queue=queue)


@pytest.fixture
def queue() -> str:
    return f"test-{uuid4()}"


async def test_a_mistake_beside_the_story_fails_the_workflow_task_and_is_seen(
    temporal: WorkflowEnvironment, queue: str
) -> None:
    async with Worker(temporal.client, task_queue=queue, workflows=[StoryWithATask], workflow_runner=RESTRICTED):
        story = await begun(temporal, queue, "ours")
        while not (failures := await _failures(story)):  # noqa: ASYNC110 the server is asked
            await asyncio.sleep(0.02)
        await end(story)
    assert failures[0] == "a mistake of ours"


async def test_the_first_exception_is_raised_as_it_is(temporal: WorkflowEnvironment, queue: str) -> None:
    async with Worker(temporal.client, task_queue=queue, workflows=[StoryWithATask], workflow_runner=RESTRICTED):
        with pytest.raises(WorkflowFailureError) as failed:
            await (await begun(temporal, queue, "final")).result()
    assert isinstance(failed.value.cause, ApplicationError)
    assert failed.value.cause.message == "its own reason"


async def test_a_task_that_is_cancelled_is_no_error(temporal: WorkflowEnvironment, queue: str) -> None:
    async with Worker(temporal.client, task_queue=queue, workflows=[StoryWithATask], workflow_runner=RESTRICTED):
        assert await (await begun(temporal, queue, "cancelled")).result() == "to its end"


@pytest.mark.long
async def test_a_task_that_is_cancelled_while_an_activity_is_under_way_is_no_error(
    temporal: WorkflowEnvironment, queue: str
) -> None:
    """The activity's own error, which says that it was cancelled, is what comes out of the task."""

    @activity.defn(name="never_there")
    async def never_there() -> None:
        await asyncio.sleep(60)

    async with Worker(
        temporal.client,
        task_queue=queue,
        workflows=[StoryWithATask],
        activities=[never_there],
        workflow_runner=RESTRICTED,
    ):
        assert await (await begun(temporal, queue, "cancelled in an activity")).result() == "to its end"


async def _failures(story: WorkflowHandle[Any, Any]) -> list[str]:
    return [
        event.workflow_task_failed_event_attributes.failure.message
        async for event in story.fetch_history_events()
        if event.HasField("workflow_task_failed_event_attributes")
    ]
