"""An activity ends before Temporal gives it up: what is told to have failed takes no effect afterwards."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from temporalio import activity, exceptions, workflow
from temporalio.common import RetryPolicy
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker
from temporalio.workflow import ActivityConfig

from activities.common.given_up_interceptor import EndBeforeGivenUp

_ONCE = RetryPolicy(maximum_attempts=1)
_OF_ONE_TRY = timedelta(seconds=2)
_IN_ALL = ActivityConfig(start_to_close_timeout=timedelta(minutes=1), schedule_to_close_timeout=timedelta(seconds=2))
WAYS = ("within the workflow task", "of one try", "of all tries")


@activity.defn
async def wait_for_ever() -> None:
    await asyncio.Event().wait()


@workflow.defn(sandboxed=False)
class OneStep:
    """Takes a step that waits for ever, and returns who has ended it."""

    @workflow.run
    async def run(self, way: str) -> str:
        try:
            if way == WAYS[0]:
                await workflow.execute_local_activity(
                    wait_for_ever, start_to_close_timeout=_OF_ONE_TRY, retry_policy=_ONCE
                )
            elif way == WAYS[1]:
                await workflow.execute_activity(wait_for_ever, start_to_close_timeout=_OF_ONE_TRY, retry_policy=_ONCE)
            else:
                await workflow.execute_activity(wait_for_ever, **_IN_ALL)
        except exceptions.ActivityError as failed:
            return {exceptions.ApplicationError: "the worker", exceptions.TimeoutError: "the server"}[
                type(failed.cause)
            ]
        except exceptions.ApplicationError:
            return "the worker"
        return "nobody"


@pytest.mark.parametrize("way", WAYS)
async def test_an_activity_is_ended_by_its_worker_before_the_server_gives_it_up(
    temporal: WorkflowEnvironment, way: str
) -> None:
    queue = f"given-up-{uuid4()}"
    worker = Worker(
        temporal.client,
        task_queue=queue,
        workflows=[OneStep],
        activities=[wait_for_ever],
        interceptors=[EndBeforeGivenUp()],
    )
    async with worker:
        assert await temporal.client.execute_workflow(OneStep.run, way, id=queue, task_queue=queue) == "the worker"
