"""What waits in the task queues is seen, whether or not a worker asks: the sign that there are too few of them."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from temporalio import workflow
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from models.common.task_queues import mails_queue
from tests.support.ending import end
from tests.support.web import until
from workers.commands.diagnose import print_backlogs
from workers.settings import Settings
from workers.task_queue_backlog import QueueBacklog, read_backlogs
from workers.temporal import _make_current
from workers.wiring.root import deployment

WAITING = 5


@workflow.defn
class Waiter:
    @workflow.run
    async def run(self) -> None:
        await workflow.wait_condition(lambda: False)


@pytest.mark.parametrize("versioned", [pytest.param(False, marks=pytest.mark.long), True])
async def test_the_backlog_grows_without_a_worker_and_is_gone_when_one_has_caught_up(
    temporal: WorkflowEnvironment, capsys: pytest.CaptureFixture[str], versioned: bool
) -> None:
    client, queue = temporal.client, f"backlog-{uuid4()}"
    settings = Settings(
        temporal_address=client.service_client.config.target_host,
        temporal_namespace=client.namespace,
        temporal_task_queue=queue,
        deployment_name=queue,
    )
    worker = Worker(
        client,
        task_queue=queue,
        workflows=[Waiter],
        workflow_runner=UnsandboxedWorkflowRunner(),
        deployment_config=deployment(settings) if versioned else None,
    )

    async def of_cases() -> QueueBacklog:
        found = await read_backlogs(client, queue)
        assert [(each.queue, each.kind) for each in found[:3]] == [
            (queue, "workflow"),
            (queue, "activity"),
            (mails_queue(queue), "activity"),
        ]
        assert found[1] == replace(found[1], tasks=0, age=timedelta(0))
        return found[0]

    def holds(check: Callable[[QueueBacklog], bool]) -> Callable[[], object]:
        async def checked() -> bool:
            return check(await of_cases())

        return checked

    if versioned:
        await _make_current(client, settings)
    handles = [await client.start_workflow(Waiter.run, id=f"{queue}-{n}", task_queue=queue) for n in range(WAITING)]
    await until(holds(lambda found: found.tasks == WAITING and found.age > timedelta(0)))
    assert (await of_cases()).pollers == 0

    await print_backlogs(settings)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (lines[0]["queue"], lines[0]["kind"], lines[0]["tasks"]) == (queue, "workflow", WAITING)
    assert lines[0]["age_s"] > 0

    async with worker:
        await until(holds(lambda found: found.tasks == 0 and found.pollers > 0))
    await end(*handles)
