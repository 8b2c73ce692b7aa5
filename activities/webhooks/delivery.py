"""Delivering stored webhook messages: attempts on the Standard Webhooks schedule, until taken, refused or dead."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

import httpx
from jinja2 import Environment
from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.common.outbox import HeldError, MailIdentity, Outbox, WrittenMail
from activities.webhooks.http_post import GoneError, NotTakenError, Poster, not_posted, signed
from models.common.calendar import day_in_japan, utc_now
from models.common.desk_links import desk_case_path, operation_path
from models.common.messages import SentMail
from models.common.store.held_cases import is_held
from models.common.store.sessions import DatabaseSession, DatabaseSessions
from models.tables import WebhookMessageRow, WebhookSubscriberRow
from models.webhooks.messages import (
    ATTEMPTS,
    KEPT_DEAD,
    SCHEDULE,
    WEBHOOK_TROUBLE_SUBJECT,
    DeliverWebhook,
    DeliveryStatus,
    WebhookMessageRef,
    WebhookOperation,
    WebhookStage,
)

_log = logging.getLogger(__name__)

NOT_TAKEN = "NotTaken"
"""The type of the failure after which the next attempt comes on schedule."""
SUBSCRIBER_ENDED = "送信先の登録が取り消されたか、送信先がこれ以上受け取らないと回答しています"


class WebhookDeliveryActivities:
    """Delivers messages. The row counts the attempts, so that a lost worker or database uses up none of them."""

    def __init__(
        self,
        sessions: DatabaseSessions,
        poster: Poster,
        outbox: Outbox,
        templates: Environment,
        *,
        desk_url: str,
        desk: str,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._sessions = sessions
        self._poster = poster
        self._outbox = outbox
        self._desk_url = desk_url
        self._desk = desk
        self._template = templates.get_template("webhook_trouble.md")
        self._now = now

    @activity.defn
    async def deliver_webhook(self, delivery: DeliverWebhook) -> DeliveryStatus:
        """Try once unless the message is settled or this round's attempts are used up; return its status.

        Raises `ApplicationError` with the time until the next attempt while there is one, and `HeldError`. One window
        is left: if the worker dies between the subscriber's response and our commit, the same message is sent again
        under the same webhook-id.
        """
        message = await self._to_send(delivery)
        if isinstance(message, DeliveryStatus):
            return message
        try:
            await self._post(*message)
        except GoneError as gone:
            status = await self._record(delivery, WebhookStage.STOPPED, str(gone))
            return status.model_copy(update={"for_operators": True})
        except NotTakenError as error:
            status = await self._record(delivery, WebhookStage.SENDING, str(error))
            if status.stage is not WebhookStage.SENDING:
                return status
            made = status.attempts - delivery.attempts_before
            raise ApplicationError(
                f"attempt {made} of {ATTEMPTS}: {error}",
                type=NOT_TAKEN,
                next_retry_delay=SCHEDULE[made - 1],
                category=ApplicationErrorCategory.BENIGN,  # the subscriber's failure: no traceback in our logs
            ) from None
        return await self._record(delivery, WebhookStage.DELIVERED, "")

    async def _post(self, url: str, row: WebhookMessageRow, secrets: Sequence[str]) -> None:
        """Sign and post. Whatever goes wrong counts as an attempt: what is outside of the count is tried for ever."""
        try:
            await self._poster.post(url, signed(row.message_id, row.payload, secrets, self._now()))
        except NotTakenError:
            raise
        except Exception as error:  # noqa: BLE001 of any kind
            _log.warning("%s could not be posted: %s", row.message_id, type(error).__name__)
            raise not_posted(error) from None

    @activity.defn
    async def give_up_webhook(self, ref: WebhookMessageRef) -> DeliveryStatus:
        """Close a dead letter that nobody has sent again, or a message whose delivery was cancelled."""
        async with self._sessions.begin() as session:
            row = await session.get_one(WebhookMessageRow, ref.case_no, with_for_update=True)
            if row.stage in {WebhookStage.SENDING, WebhookStage.DEAD}:
                row.stage, row.settled_at = WebhookStage.UNDELIVERED, self._now()
            return _status(row)

    @activity.defn
    async def report_webhook_trouble(self, ref: WebhookMessageRef) -> SentMail | None:
        """Mail the operators' desk what became of a message: once per subscriber and day, however many there are."""
        async with self._sessions() as session:
            row = await session.get_one(WebhookMessageRow, ref.case_no)
        if row.settled_at is None:  # sent again meanwhile
            return None
        day = day_in_japan(row.settled_at)
        mail = MailIdentity(key=f"webhook-trouble:{row.subscriber_id}:{day}", kind="webhook_trouble")
        return await self._outbox.send(mail, partial(self._write, message_id=row.message_id))

    async def _write(self, session: DatabaseSession, message_id: str) -> WrittenMail:
        row = await session.get_one(WebhookMessageRow, message_id)
        subscriber = await session.get_one(WebhookSubscriberRow, row.subscriber_id)
        body = self._template.render(
            row=row,
            subscriber=subscriber,
            host=httpx.URL(subscriber.url).host,
            kept_days=KEPT_DEAD.days,
            form=self._desk_url + operation_path(message_id, None, WebhookOperation.RESEND),
            desk_page=self._desk_url + desk_case_path(message_id),
        )
        return WrittenMail(self._desk, WEBHOOK_TROUBLE_SUBJECT, body)

    async def _to_send(self, delivery: DeliverWebhook) -> DeliveryStatus | tuple[str, WebhookMessageRow, Sequence[str]]:
        async with self._sessions.begin() as session:
            row = await session.get_one(WebhookMessageRow, delivery.case_no, with_for_update=True)
            subscriber = await session.get_one(WebhookSubscriberRow, row.subscriber_id)
            if row.stage in {WebhookStage.DELIVERED, WebhookStage.STOPPED}:
                return _status(row)
            if not subscriber.active:
                row.stage, row.last_error, row.settled_at = WebhookStage.STOPPED, SUBSCRIBER_ENDED, self._now()
                return _status(row)
            if row.attempts - delivery.attempts_before >= ATTEMPTS:
                return _status(row)
            if await is_held(session, [row.application_no]):
                raise HeldError
            row.stage, row.settled_at = WebhookStage.SENDING, None
            return subscriber.url, row, subscriber.secrets

    async def _record(self, delivery: DeliverWebhook, stage: WebhookStage, error: str) -> DeliveryStatus:
        async with self._sessions.begin() as session:
            row = await session.get_one(WebhookMessageRow, delivery.case_no, with_for_update=True)
            if row.stage == WebhookStage.DELIVERED:  # by another worker meanwhile
                return _status(row)
            row.attempts += 1
            row.stage, row.last_error = stage, error
            if stage is WebhookStage.SENDING and row.attempts - delivery.attempts_before >= ATTEMPTS:
                row.stage = WebhookStage.DEAD
            if row.stage != WebhookStage.SENDING:
                row.settled_at = self._now()
            if stage is WebhookStage.STOPPED:
                subscriber = await session.get_one(WebhookSubscriberRow, row.subscriber_id, with_for_update=True)
                subscriber.active, subscriber.stopped_because = False, error
            return _status(row)


def _status(row: WebhookMessageRow) -> DeliveryStatus:
    stage = WebhookStage(row.stage)
    return DeliveryStatus(
        stage=stage, attempts=row.attempts, last_error=row.last_error, for_operators=stage is WebhookStage.DEAD
    )
