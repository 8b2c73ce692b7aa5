"""Storing what other systems are notified of: one message for each subscriber, in the transaction of the change."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from models.common.case_status import CaseStatus
from models.common.encryption import key_owner
from models.common.store.case_keys import make_case_key
from models.common.store.case_status import begin_status
from models.common.store.sessions import DatabaseSession
from models.tables import WebhookMessageRow, WebhookSubscriberRow
from models.webhooks.messages import DELIVERY_WORKFLOW, StageChange, WebhookStage, wants, webhook_workflow_id

_ACTIVE = select(WebhookSubscriberRow).where(WebhookSubscriberRow.active).order_by(WebhookSubscriberRow.subscriber_id)


async def active_subscribers(session: DatabaseSession) -> Sequence[WebhookSubscriberRow]:
    """Return who is notified of changes now; mostly nobody, and then there is nothing to publish."""
    return (await session.scalars(_ACTIVE)).all()


async def publish(session: DatabaseSession, subscribers: Sequence[WebhookSubscriberRow], change: StageChange) -> None:
    """Store one message for each subscriber that wants this kind; the ids are the change's, so once."""
    for subscriber in subscribers:
        if wants(subscriber.kinds, change.kind):
            message_id = change.message_id(subscriber.subscriber_id)
            message = insert(WebhookMessageRow).values(
                message_id=message_id,
                subscriber_id=subscriber.subscriber_id,
                application_no=change.application_no,
                kind=change.kind,
                payload=change.payload,
                stage=WebhookStage.SENDING,
            )
            stored = message.on_conflict_do_nothing().returning(WebhookMessageRow.stored_at)
            if stored_at := await session.scalar(stored):
                await make_case_key(session, key_owner(webhook_workflow_id(message_id)))
                first = CaseStatus.first(WebhookStage.SENDING, stored_at)
                begin_status(
                    session, webhook_workflow_id(message_id), message_id, None, first, procedure=DELIVERY_WORKFLOW
                )
