"""`tetsuzuki health`: whether a process of this machine (in a container: of this container) does its work."""

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import PollerInfo, TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client

from activities.backoffice.broken_cases import BrokenCases
from activities.common.outbox import MailNotTakenError
from models.common.store.held_cases import HeldCases
from models.common.store.mark_rows import restored_at
from models.common.store.sessions import DatabaseSessions
from models.common.store_marks import Fit
from models.common.task_queues import erasing_queue
from models.common.web_addresses import address_of
from workers import database, store_marks, temporal
from workers.identity import identity, on_this_machine
from workers.program import ClearError
from workers.settings import Settings
from workers.wiring.root import build_transport

POLLED_WITHIN = timedelta(minutes=2)
"""A poll waits about a minute for a task; who has not come back after two is gone or stuck."""
_ANSWER_WITHIN = 5.0  # seconds
_WITHOUT_PROXY = build_opener(ProxyHandler({}))
"""The environment's proxy is for addresses of others; Docker sets one in every container."""


async def check_worker(settings: Settings) -> None:
    """Raise `ClearError` unless a worker on this machine polls for both kinds of tasks, and no case fails by its code.

    Temporal itself says who polls: a worker that runs but has lost its connection, its namespace or its task queue is
    not taken for a healthy one.
    """
    async with database.opened(settings) as sessions:
        client = await temporal.connect(settings)
        # First: where the stores were exchanged, no worker runs, and this is why.
        if await store_marks.look(client, sessions) is Fit.TEMPORAL_OLDER:
            raise ClearError("Temporal was rolled back: stop everything and run `tetsuzuki restore --in-place`")
        await _check_polls(client, settings, settings.temporal_task_queue, "worker")
        await say_what_is_held(sessions)
        broken = await BrokenCases(sessions, client, settings.temporal_task_queue).find()
    if broken:
        raise ClearError(
            f"{len(broken)} open workflows cannot go on with the code that runs: see the worker's log, and start a "
            "build that passes `tetsuzuki replay`\n"
            + "\n".join(f"  {each.workflow_id}: {each.why.name}" for each in broken)
        )


async def say_what_is_held(sessions: DatabaseSessions) -> None:
    """Print when the stores were restored, for as long as mails wait since then: that needs a person, no restart."""
    held = await HeldCases(sessions).listed()
    async with sessions() as session:
        since = await restored_at(session)
    if since and held:
        sys.stdout.write(
            f"restored at {since:%F %T%z}: the mails and webhooks of {len(held)} cases wait until they are released "
            "(`tetsuzuki release`, or the desk's 復元後の送信)\n"
        )


async def check_eraser(settings: Settings) -> None:
    """Raise `ClearError` unless the worker that may delete polls Temporal on this machine, likewise."""
    client = await temporal.connect(settings)
    await _check_polls(client, settings, erasing_queue(settings.temporal_task_queue), "eraser")


async def check_mail(settings: Settings) -> None:
    """Raise `ClearError` unless the mail server is reached, by TLS where that is set, and takes the log-in."""
    try:
        await build_transport(settings).check()
    except MailNotTakenError as error:
        raise ClearError(f"no mail can be sent by {settings.smtp_host}:{settings.smtp_port}: {error}") from None


async def _check_polls(client: Client, settings: Settings, task_queue: str, role: str) -> None:
    here = on_this_machine(settings, role)
    for kind in (TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY):
        pollers = await _pollers(client, task_queue, kind)
        polls = [each.last_access_time.ToDatetime(UTC) for each in pollers if each.identity.startswith(here)]
        now = datetime.now(UTC)
        if not any(abs(now - poll) <= POLLED_WITHIN for poll in polls):
            name = TaskQueueType.Name(kind).removeprefix("TASK_QUEUE_TYPE_").lower()
            raise ClearError(
                f"no worker on this machine has asked the task queue {task_queue!r} for "
                f"{name} tasks within {POLLED_WITHIN.seconds} s"
                + (f"; one has at {max(polls)} by Temporal's clock, and this machine's says {now}" if polls else "")
            )


async def polls(client: Client, settings: Settings, pid: int, role: str = "worker") -> bool:
    """Whether the worker of this role and process number has polled for workflow tasks since it started."""
    cases = settings.temporal_task_queue
    queue = erasing_queue(cases) if role == "eraser" else cases
    pollers = await _pollers(client, queue, TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW)
    return identity(settings, role, pid) in {poller.identity for poller in pollers}


async def check_web(settings: Settings) -> None:
    """Raise `ClearError` unless the web answers on this machine."""
    await _check("the web", address_of(settings.web_host, settings.web_port))


async def check_desk(settings: Settings) -> None:
    """Raise `ClearError` unless the operators' web application answers on this machine."""
    await _check("the desk", address_of(settings.desk_host, settings.desk_port))


async def check_figures(settings: Settings) -> None:
    """Raise `ClearError` unless the figures are served on this machine; what the database says is not asked."""
    await _check("the figures' process", address_of(settings.metrics_host, settings.metrics_port))


async def _check(what: str, server: str) -> None:
    address = f"{server}/healthz"
    try:
        await asyncio.to_thread(_get, address)
    except (URLError, TimeoutError) as error:
        raise ClearError(f"{what} does not answer at {address}: {error}") from None


def _get(address: str) -> None:
    with _WITHOUT_PROXY.open(address, timeout=_ANSWER_WITHIN):
        pass


async def _pollers(client: Client, task_queue: str, kind: TaskQueueType.ValueType) -> list[PollerInfo]:
    request = DescribeTaskQueueRequest(
        namespace=client.namespace, task_queue=TaskQueue(name=task_queue), task_queue_type=kind
    )
    return list((await client.workflow_service.describe_task_queue(request)).pollers)
