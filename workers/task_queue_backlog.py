"""The backlog of the task queues: the sign that there are too few workers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client

from models.common.task_queues import erasing_queue, mails_queue

_WORKFLOW, _ACTIVITY = TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY


@dataclass(frozen=True)
class QueueBacklog:
    """What waits in one task queue, by the server's own estimate."""

    queue: str
    kind: str
    """`workflow` or `activity`."""
    tasks: int
    """How many wait."""
    age: timedelta
    """Since when the oldest of them waits."""
    added_per_s: float
    done_per_s: float
    pollers: int
    """How many connections ask for tasks, or have asked within the last minutes."""


async def read_backlogs(client: Client, task_queue: str) -> Sequence[QueueBacklog]:
    """Ask for every task queue that has workers. Raises `RPCError` if Temporal does not answer."""
    asked = (
        (task_queue, _WORKFLOW),
        (task_queue, _ACTIVITY),
        (mails_queue(task_queue), _ACTIVITY),
        (erasing_queue(task_queue), _WORKFLOW),
        (erasing_queue(task_queue), _ACTIVITY),
    )
    return [await _read(client, queue, kind) for queue, kind in asked]


async def _read(client: Client, queue: str, kind: TaskQueueType.ValueType) -> QueueBacklog:
    request = DescribeTaskQueueRequest(
        namespace=client.namespace, task_queue=TaskQueue(name=queue), task_queue_type=kind, report_stats=True
    )
    found = await client.workflow_service.describe_task_queue(request, retry=True)
    stats = found.stats
    return QueueBacklog(
        queue,
        TaskQueueType.Name(kind).removeprefix("TASK_QUEUE_TYPE_").lower(),
        stats.approximate_backlog_count,
        stats.approximate_backlog_age.ToTimedelta(),
        round(stats.tasks_add_rate, 2),
        round(stats.tasks_dispatch_rate, 2),
        len(found.pollers),
    )
