"""What the bench reads of cases, from outside only: Postgres' tables, and what Temporal says of workflows."""

import asyncio
from datetime import datetime

from sqlalchemy import func, select
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowExecutionStatus

from bench.batch import LOOK_AGAIN_AFTER
from models.common.store.sessions import DatabaseSessions
from models.tables import NoticeRow, OfficeRow
from models.yayoi.mails import MailKind

_TIMED_OUT = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT,
    EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT,
    EventType.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT,
}
_SENT = (NoticeRow.kind == MailKind.COMPLETION_NOTICE, NoticeRow.sent_at.is_not(None))


async def last_notice_sent(sessions: DatabaseSessions) -> datetime:
    async with sessions() as session:
        sent_at = await session.scalar(select(func.max(NoticeRow.sent_at)).where(*_SENT))
    if sent_at is None:
        raise LookupError("no completion notice was sent")
    return sent_at


async def wait_until_thawed(sessions: DatabaseSessions, notices: int, since: datetime) -> None:
    """Return when so many completion notices have been sent since then, and no office's smart import is frozen."""
    sent = select(func.count()).where(*_SENT, NoticeRow.sent_at >= since)
    frozen = select(func.count()).where(OfficeRow.frozen_by.is_not(None))
    while True:
        async with sessions() as session:
            if (await session.scalar(sent) or 0) >= notices and not await session.scalar(frozen):
                return
        await asyncio.sleep(LOOK_AGAIN_AFTER)


async def wait_until_resting(client: Client, task_queue: str, stage: str, count: int, since: datetime) -> None:
    """Return when so many workflows of this task queue that were started since then are in this stage."""
    query = f"TaskQueue = '{task_queue}' and Stage = '{stage}' and StartTime >= '{since.isoformat()}'"
    while (await client.count_workflows(query)).count < count:  # noqa: ASYNC110 other processes work
        await asyncio.sleep(LOOK_AGAIN_AFTER)


async def workflows_of(client: Client, application_no: str) -> list[str]:
    """The ids of all workflows of an application: its own, its offices', and whatever else carries its number."""
    found = client.list_workflows(f"ApplicationNo = '{application_no}'")
    return [workflow.id async for workflow in found]


async def events_of(client: Client, application_no: str) -> int:
    """How many events the histories of an application have, once nothing of it has a task to run and none is added."""
    before = -1
    while True:
        descriptions = [
            await client.get_workflow_handle(workflow_id).describe()
            for workflow_id in await workflows_of(client, application_no)
        ]
        events = sum(each.history_length for each in descriptions)
        busy = any(
            each.raw_description.pending_activities or each.raw_description.HasField("pending_workflow_task")
            for each in descriptions
        )
        if not busy and events == before:
            return events
        before = events
        await asyncio.sleep(1)


async def wait_until_closed(client: Client, application_no: str) -> None:
    """Return when none of an application's workflows runs."""
    for workflow_id in await workflows_of(client, application_no):
        handle = client.get_workflow_handle(workflow_id)
        while (await handle.describe()).status is WorkflowExecutionStatus.RUNNING:  # noqa: ASYNC110 as above
            await asyncio.sleep(LOOK_AGAIN_AFTER)


async def late_tasks(client: Client, application_no: str) -> int:
    """How many tasks of an application's workflows timed out, and how many tries of activities were not the first."""
    late = 0
    for workflow_id in await workflows_of(client, application_no):
        async for event in client.get_workflow_handle(workflow_id).fetch_history_events():
            late += event.event_type in _TIMED_OUT or event.activity_task_started_event_attributes.attempt > 1
    return late
