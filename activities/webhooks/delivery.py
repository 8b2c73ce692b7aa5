"""Delivering stored webhook messages: attempts on the Standard Webhooks schedule, until taken, refused or dead."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

import httpx
from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.common.mail_templates import mail_templates
from activities.common.outbox import Letter, Outbox, WrittenMail
from activities.webhooks.http_post import GoneError, NotTakenError, Poster, SignedMessage, signed
from models.common.calendar import day_in_japan
from models.common.messages import SentMail
from models.common.store.sessions import DatabaseSession, DatabaseSessions
from models.tables import WebhookMessageRow, WebhookSubscriberRow
from models.webhooks.mails import WEBHOOK_TROUBLE_SUBJECT
from models.webhooks.messages import (
    ATTEMPTS,
    KEPT_DEAD,
    SCHEDULE,
    DeliverWebhook,
    DeliveryStatus,
    WebhookMessageRef,
    WebhookStage,
)

NOT_TAKEN = "NotTaken"
"""The type of the failure after which the next attempt comes on schedule."""
SUBSCRIBER_ENDED = "the subscriber has been removed, or has asked for no more messages"


class WebhookDeliveryActivities:
    """Delivers messages. The row counts the attempts, so that a lost worker or database uses up none of them."""

    def __init__(
        self,
        sessions: DatabaseSessions,
        poster: Poster,
        outbox: Outbox,
        *,
        desk: str,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._sessions = sessions
        self._poster = poster
        self._outbox = outbox
        self._desk = desk
        self._template = mail_templates().get_template("webhook_trouble.md")
        self._now = now

    @activity.defn
    async def deliver_webhook(self, asked: DeliverWebhook) -> DeliveryStatus:
        """Try once unless the message is settled or this round's attempts are used up; return how it stands then.

        Raises `ApplicationError` with the time until the next attempt while there is one. What is left: a worker that
        dies between the subscriber's answer and our commit sends the same message, with the same webhook-id, again.
        """
        message = await self._to_send(asked)
        if isinstance(message, DeliveryStatus):
            return message
        url, letter = message
        try:
            await self._poster.post(url, letter)
        except GoneError as gone:
            standing = await self._record(asked, WebhookStage.STOPPED, str(gone))
            return standing.model_copy(update={"for_operators": True})
        except NotTakenError as error:
            standing = await self._record(asked, WebhookStage.SENDING, str(error))
            if standing.stage is not WebhookStage.SENDING:
                return standing
            made = standing.attempts - asked.attempts_before
            raise ApplicationError(
                f"attempt {made} of {ATTEMPTS}: {error}",
                type=NOT_TAKEN,
                next_retry_delay=SCHEDULE[made - 1],
                category=ApplicationErrorCategory.BENIGN,  # somebody else's trouble: no traceback in our logs
            ) from None
        return await self._record(asked, WebhookStage.DELIVERED, "")

    @activity.defn
    async def give_up_webhook(self, asked: WebhookMessageRef) -> DeliveryStatus:
        """Close a dead letter that nobody has sent again, or a message whose delivery was cancelled."""
        async with self._sessions.begin() as session:
            row = await session.get_one(WebhookMessageRow, asked.message_id, with_for_update=True)
            if row.stage in {WebhookStage.SENDING, WebhookStage.DEAD}:
                row.stage, row.settled_at = WebhookStage.UNDELIVERED, self._now()
            return _standing(row)

    @activity.defn
    async def report_webhook_trouble(self, asked: WebhookMessageRef) -> SentMail | None:
        """Mail the operators' desk what became of a message: once per subscriber and day, however many there are."""
        async with self._sessions() as session:
            row = await session.get_one(WebhookMessageRow, asked.message_id)
        if row.settled_at is None:  # sent again meanwhile
            return None
        day = day_in_japan(row.settled_at)
        letter = Letter(key=f"webhook-trouble:{row.subscriber_id}:{day}", kind="webhook_trouble")
        return await self._outbox.send(letter, partial(self._write, message_id=row.message_id))

    async def _write(self, session: DatabaseSession, message_id: str) -> WrittenMail:
        row = await session.get_one(WebhookMessageRow, message_id)
        subscriber = await session.get_one(WebhookSubscriberRow, row.subscriber_id)
        body = self._template.render(
            row=row, subscriber=subscriber, host=httpx.URL(subscriber.url).host, kept_days=KEPT_DEAD.days
        )
        return WrittenMail(self._desk, WEBHOOK_TROUBLE_SUBJECT, body)

    async def _to_send(self, asked: DeliverWebhook) -> DeliveryStatus | tuple[str, SignedMessage]:
        async with self._sessions.begin() as session:
            row = await session.get_one(WebhookMessageRow, asked.message_id, with_for_update=True)
            subscriber = await session.get_one(WebhookSubscriberRow, row.subscriber_id)
            if row.stage in {WebhookStage.DELIVERED, WebhookStage.STOPPED}:
                return _standing(row)
            if not subscriber.active:
                row.stage, row.last_error, row.settled_at = WebhookStage.STOPPED, SUBSCRIBER_ENDED, self._now()
                return _standing(row)
            if row.attempts - asked.attempts_before >= ATTEMPTS:
                return _standing(row)
            row.stage, row.settled_at = WebhookStage.SENDING, None
            return subscriber.url, signed(row.message_id, row.payload, subscriber.secrets, self._now())

    async def _record(self, asked: DeliverWebhook, stage: WebhookStage, error: str) -> DeliveryStatus:
        async with self._sessions.begin() as session:
            row = await session.get_one(WebhookMessageRow, asked.message_id, with_for_update=True)
            if row.stage == WebhookStage.DELIVERED:  # by another worker meanwhile
                return _standing(row)
            row.attempts += 1
            row.stage, row.last_error = stage, error
            if stage is WebhookStage.SENDING and row.attempts - asked.attempts_before >= ATTEMPTS:
                row.stage = WebhookStage.DEAD
            if row.stage != WebhookStage.SENDING:
                row.settled_at = self._now()
            if stage is WebhookStage.STOPPED:
                subscriber = await session.get_one(WebhookSubscriberRow, row.subscriber_id, with_for_update=True)
                subscriber.active, subscriber.stopped_because = False, error
            return _standing(row)


def _standing(row: WebhookMessageRow) -> DeliveryStatus:
    stage = WebhookStage(row.stage)
    return DeliveryStatus(
        stage=stage, attempts=row.attempts, last_error=row.last_error, for_operators=stage is WebhookStage.DEAD
    )
