"""Webhook messages that are stored and whose delivery is not started yet."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import select, update

from models.common.store.sessions import DatabaseSessions
from models.tables import WebhookMessageRow, WebhookSubscriberRow


async def messages_to_start(sessions: DatabaseSessions) -> Sequence[str]:
    """Return the ids of the messages that wait, the oldest first."""
    async with sessions() as session:
        waiting = select(WebhookMessageRow.message_id).where(WebhookMessageRow.started_at.is_(None))
        return (await session.scalars(waiting.order_by(WebhookMessageRow.stored_at))).all()


async def message_of(sessions: DatabaseSessions, message_id: str) -> tuple[WebhookMessageRow, WebhookSubscriberRow]:
    async with sessions() as session:
        row = await session.get_one(WebhookMessageRow, message_id)
        return row, await session.get_one(WebhookSubscriberRow, row.subscriber_id)


async def mark_message_started(sessions: DatabaseSessions, message_id: str) -> None:
    async with sessions.begin() as session:
        this = update(WebhookMessageRow).where(WebhookMessageRow.message_id == message_id)
        await session.execute(this.values(started_at=datetime.now(UTC)))
