"""Starting what webhooks left to be done: the delivery of each message, and the word about each refused form."""

from datetime import UTC, datetime
from typing import Any

import httpx
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.client import Client
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)

from models.common.waiting_for import WaitingFor
from models.tables import RefusedFormRow, WebhookMessageRow, WebhookSubscriberRow
from models.webhooks.messages import DeliverWebhook, WebhookStage, webhook_workflow_id
from models.yayoi.provider_forms.refused import RefusedFormRef, refused_form_workflow_id
from web.common.temporal_calls import temporal_call
from web.common.work_queue import process_batch
from workflows.common.details import cell, table
from workflows.common.search_attributes import APPLICATION_NO, STAGE, WAITING_FOR
from workflows.webhooks.webhook_delivery import WebhookDelivery
from workflows.yayoi.refused_form import RefusedForm


class WebhookStarter:
    """Starts after the commit what was stored with it, again and again until Temporal has taken it.

    A delivery that has ended may be started once more: what was delivered stays delivered, whoever asks.
    """

    def __init__(self, sessions: async_sessionmaker[AsyncSession], client: Client, *, task_queue: str) -> None:
        self._sessions = sessions
        self._client = client
        self._task_queue = task_queue

    async def start_all(self) -> None:
        """Start what waits, the oldest first; leave the rest for later if Temporal is away."""
        async with self._sessions() as session:
            messages = await session.scalars(
                select(WebhookMessageRow.message_id)
                .where(WebhookMessageRow.started_at.is_(None))
                .order_by(WebhookMessageRow.stored_at)
            )
            forms = await session.scalars(
                select(RefusedFormRow.form_no)
                .where(RefusedFormRow.started_at.is_(None), RefusedFormRow.settled_at.is_(None))
                .order_by(RefusedFormRow.form_no)
            )
            waiting = messages.all(), forms.all()
        await process_batch(waiting[0], self.deliver, "webhook messages")
        await process_batch(waiting[1], self.tell_of_form, "refused forms")

    async def deliver(self, message_id: str) -> None:
        """Start the delivery of one message. Raises `UnreachableError`."""
        async with self._sessions() as session:
            row = await session.get_one(WebhookMessageRow, message_id)
            subscriber = await session.get_one(WebhookSubscriberRow, row.subscriber_id)
        host = httpx.URL(subscriber.url).host
        facts = [
            ("申込番号", row.application_no),
            ("内容", cell(row.kind)),
            ("送信先", f"{subscriber.subscriber_id}（{cell(host)}）"),
            ("通知の番号", cell(row.message_id)),
        ]
        await self._start(
            WebhookDelivery.run,
            DeliverWebhook(message_id=message_id, attempts_before=row.attempts),
            id=webhook_workflow_id(message_id),
            static_summary=f"{row.application_no} の {row.kind} を {host} に送信",
            static_details=table(("項目", "内容"), facts),
            search_attributes=TypedSearchAttributes(
                [
                    SearchAttributePair(APPLICATION_NO, row.application_no),
                    SearchAttributePair(STAGE, WebhookStage.SENDING),
                    SearchAttributePair(WAITING_FOR, WaitingFor.SYSTEM),
                ]
            ),
        )
        async with self._sessions.begin() as session:
            await session.execute(
                update(WebhookMessageRow)
                .where(WebhookMessageRow.message_id == message_id)
                .values(started_at=datetime.now(UTC))
            )

    async def tell_of_form(self, form_no: int) -> None:
        """Start telling the operators' desk of one refused form. Raises `UnreachableError`."""
        await self._start(
            RefusedForm.run,
            RefusedFormRef(form_no=form_no),
            id=refused_form_workflow_id(form_no),
            static_summary=f"受け付けられないフォーム {form_no} を担当者に知らせる",
        )
        async with self._sessions.begin() as session:
            await session.execute(
                update(RefusedFormRow).where(RefusedFormRow.form_no == form_no).values(started_at=datetime.now(UTC))
            )

    async def _start(self, workflow: Any, asked: Any, **options: Any) -> None:
        async with temporal_call():
            await self._client.start_workflow(
                workflow,
                asked,
                task_queue=self._task_queue,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                **options,
            )
