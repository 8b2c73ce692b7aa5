"""Stage changes for other systems: one stored message per subscriber, delivered afterwards."""

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from temporalio import activity

from models.common.store.sessions import DatabaseSessions
from models.tables import WebhookMessageRow, WebhookSubscriberRow
from models.webhooks.messages import StageChange, WebhookStage, wants


class WebhookPublishingActivities:
    """Stores the messages for subscribers."""

    def __init__(self, sessions: DatabaseSessions) -> None:
        self._sessions = sessions

    @activity.defn
    async def publish_stage_change(self, change: StageChange) -> None:
        """Store one message per active subscriber that wants this kind; the ids are the change's, so once."""
        async with self._sessions.begin() as session:
            subscribers = await session.scalars(
                select(WebhookSubscriberRow)
                .where(WebhookSubscriberRow.active)
                .order_by(WebhookSubscriberRow.subscriber_id)
            )
            for subscriber in subscribers:
                if wants(subscriber.kinds, change.kind):
                    message = insert(WebhookMessageRow).values(
                        message_id=change.message_id(subscriber.subscriber_id),
                        subscriber_id=subscriber.subscriber_id,
                        application_no=change.application_no,
                        kind=change.kind,
                        payload=change.payload,
                        stage=WebhookStage.SENDING,
                    )
                    await session.execute(message.on_conflict_do_nothing())
