"""Starting the delivery of each webhook message that was stored."""

from functools import partial
from typing import Any

import httpx
from temporalio.client import Client
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)

from models.common.store.sessions import DatabaseSessions
from models.common.waiting_for import WaitingFor
from models.webhooks.messages import DeliverWebhook, WebhookStage, webhook_workflow_id
from models.webhooks.store.starting import mark_message_started, message_of, messages_to_start
from web.common.background_jobs import PeriodicJob
from web.common.context import WebContext, WebPackage
from web.common.strangers import start_in_its_place
from web.common.temporal_calls import temporal_call
from web.common.work_queue import process_batch
from workflows.common.details import cell, table
from workflows.common.search_attributes import APPLICATION_NO, STAGE, WAITING_FOR
from workflows.webhooks.webhook_delivery import WebhookDelivery

STARTED_AGAIN: dict[str, Any] = {
    "id_conflict_policy": WorkflowIDConflictPolicy.FAIL,
    "id_reuse_policy": WorkflowIDReusePolicy.ALLOW_DUPLICATE,
}
"""One that has ended may be started once more: its activity finds what was done before. One that runs stays."""


class WebhookStarter:
    """Starts after the commit what was stored with it, again and again until Temporal has taken it."""

    def __init__(self, sessions: DatabaseSessions, client: Client, *, task_queue: str) -> None:
        self._sessions = sessions
        self._client = client
        self._task_queue = task_queue

    async def start_all(self) -> None:
        """Start what waits, the oldest first; leave the rest for later if Temporal is away."""
        await process_batch(await messages_to_start(self._sessions), self.start, "webhook messages")

    async def start(self, message_id: str) -> None:
        """Start the delivery of one message. Raises `UnreachableError`."""
        row, subscriber = await message_of(self._sessions, message_id)
        host = httpx.URL(subscriber.url).host
        facts = [
            ("申込番号", row.application_no),
            ("内容", cell(row.kind)),
            ("送信先", f"{subscriber.subscriber_id}（{cell(host)}）"),
            ("通知の番号", cell(row.message_id)),
        ]
        workflow_id = webhook_workflow_id(message_id)
        options: dict[str, Any] = STARTED_AGAIN | {
            "id": workflow_id,
            "task_queue": self._task_queue,
            "static_summary": f"{row.application_no} の {row.kind} を {host} に送信",
            "static_details": table(("項目", "内容"), facts),
            "search_attributes": TypedSearchAttributes(
                [
                    SearchAttributePair(APPLICATION_NO, row.application_no),
                    SearchAttributePair(STAGE, WebhookStage.SENDING),
                    SearchAttributePair(WAITING_FOR, WaitingFor.SYSTEM),
                ]
            ),
        }
        message = DeliverWebhook(case_no=message_id, stored_at=row.stored_at, attempts_before=row.attempts)
        start = partial(self._client.start_workflow, WebhookDelivery.run, message, **options)
        async with temporal_call():
            await start_in_its_place(self._client, workflow_id, start)
        await mark_message_started(self._sessions, message_id)


def webhooks(context: WebContext) -> WebPackage:
    starter = WebhookStarter(context.sessions, context.client, task_queue=context.task_queue)
    return WebPackage(jobs=(PeriodicJob(starter.start_all, context.every),))
