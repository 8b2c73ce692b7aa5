"""Messages that are stored for a subscriber, and their deliveries."""

import asyncio
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any

from sqlalchemy import select
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import WorkflowHandle

from models.common.case_status import CaseStatus
from models.common.store.case_status import begin_status, status_of
from models.common.waiting_for import WaitingFor
from models.tables import ApplicationRow, WebhookMessageRow, WebhookSubscriberRow
from models.webhooks.messages import DELIVERY_WORKFLOW, SCHEDULE, WebhookStage, webhook_workflow_id
from models.yayoi.store.intake import Intake
from tests.support.environment import Environment, form
from tests.support.running import PATIENCE
from tests.support.smtp_inbox import SmtpInbox
from tests.support.web import until
from tests.support.webhook_receiver import SECRET
from web.webhooks.starter import WebhookStarter
from web.yayoi.starter import RefusedFormStarter
from workflows.common.search_attributes import STAGE, WAITING_FOR

PAYLOAD = {"type": "office.stage_changed", "data": {"label": "共有解除待ち"}}


SCHEDULED = PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED


class Message:
    """One stored message, and its delivery."""

    def __init__(self, environment: Environment, message_id: str) -> None:
        self.environment = environment
        self.message_id = message_id

    @property
    def handle(self) -> WorkflowHandle[Any, Any]:
        return self.environment.client.get_workflow_handle(webhook_workflow_id(self.message_id))

    async def row(self) -> WebhookMessageRow:
        async with self.environment.sessions() as session:
            return await session.get_one(WebhookMessageRow, self.message_id)

    async def status(self) -> tuple[str, str, str | None]:
        """Return the stage, whom it waits for and the outcome, as its status row has them."""
        async with self.environment.sessions() as session:
            row = await status_of(session, self.message_id)
        assert row is not None
        return row.stage, row.waiting_for, row.outcome

    async def start(self) -> None:
        await starter(self.environment).start_all()

    async def until(self, stage: WebhookStage) -> WebhookMessageRow:
        async def reached() -> bool:
            return (await self.row()).stage == stage

        await until(reached)
        return await self.row()

    async def failed(self, attempts: int) -> timedelta:
        """Wait until so many attempts have failed; give the time until the next."""
        async with asyncio.timeout(PATIENCE):
            while True:
                pending = (await self.handle.describe()).raw_description.pending_activities
                if pending and (pending[0].attempt, pending[0].state) == (attempts + 1, SCHEDULED):
                    interval = pending[0].current_retry_interval.ToTimedelta()
                    return timedelta(seconds=round(interval.total_seconds()))  # the server measures microseconds too
                await asyncio.sleep(0.02)

    async def pass_time(self, time: timedelta) -> None:
        await self.environment.temporal.fast_forward(self.handle, time)

    async def shown(self, stage: WebhookStage, who: WaitingFor) -> None:
        """Wait until operators see it so."""
        async with asyncio.timeout(PATIENCE):
            while True:
                columns = (await self.handle.describe()).typed_search_attributes
                if (columns.get(STAGE), columns.get(WAITING_FOR)) == (stage, who):
                    return
                await asyncio.sleep(0.02)

    async def until_idle(self) -> None:
        async def idle() -> bool:
            return not (await self.handle.describe()).raw_description.pending_activities

        await until(idle)

    async def details(self) -> str:
        metadata = await self.handle.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
        return str(metadata.current_details)

    async def die(self) -> WebhookMessageRow:
        """Fail to the last attempt."""
        for attempt, wait in enumerate(SCHEDULE, start=1):
            assert await self.failed(attempt) == wait
            await self.pass_time(wait + timedelta(seconds=1))
        return await self.until(WebhookStage.DEAD)


async def smtp_inbox_has(inbox: SmtpInbox, count: int) -> list[EmailMessage]:
    async def arrived() -> bool:
        return len(inbox.mails) >= count

    await until(arrived)
    return inbox.mails


def form_starter(environment: Environment) -> RefusedFormStarter:
    return RefusedFormStarter(
        environment.sessions, environment.client, task_queue=environment.settings.temporal_task_queue
    )


def starter(environment: Environment) -> WebhookStarter:
    return WebhookStarter(environment.sessions, environment.client, task_queue=environment.settings.temporal_task_queue)


async def stored(
    environment: Environment, url: str, *, secrets: tuple[str, ...] = (SECRET,), number: int = 1
) -> Message:
    """Store a message for a subscriber, as the application's procedure does."""
    message = Message(environment, f"msg_{environment.settings.temporal_task_queue}_{number}")
    numbers = await environment.rows(select(ApplicationRow.application_no))
    if not numbers:
        numbers = [(await Intake(environment.sessions, environment.calendar).receive(form())).application_no]
    async with environment.sessions.begin() as session:
        subscriber = await session.scalar(select(WebhookSubscriberRow).where(WebhookSubscriberRow.url == url))
        if subscriber is None:
            subscriber = WebhookSubscriberRow(url=url, secrets=list(secrets), kinds=[])
            session.add(subscriber)
        await session.flush()
        session.add(
            WebhookMessageRow(
                message_id=message.message_id,
                subscriber_id=subscriber.subscriber_id,
                application_no=numbers[0],
                kind="office.stage_changed",
                payload=PAYLOAD,
                stage=WebhookStage.SENDING,
            )
        )
        first = CaseStatus.first(WebhookStage.SENDING, datetime.now(UTC))
        workflow_id = webhook_workflow_id(message.message_id)
        begin_status(session, workflow_id, message.message_id, None, first, procedure=DELIVERY_WORKFLOW)
    return message


async def subscribers(environment: Environment) -> list[WebhookSubscriberRow]:
    return await environment.rows(select(WebhookSubscriberRow).order_by(WebhookSubscriberRow.subscriber_id))
