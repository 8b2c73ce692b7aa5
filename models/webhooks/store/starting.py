"""Webhook messages that are stored and whose delivery is not started yet."""

from collections.abc import Sequence

from models.common.store.sessions import DatabaseSessions
from models.common.store.starting import keys_to_start, mark_started
from models.tables import WebhookMessageRow, WebhookSubscriberRow


async def messages_to_start(sessions: DatabaseSessions) -> Sequence[str]:
    """Return the ids of the messages that wait, the oldest first."""
    return await keys_to_start(sessions, WebhookMessageRow.message_id, WebhookMessageRow.stored_at)


async def message_of(sessions: DatabaseSessions, message_id: str) -> tuple[WebhookMessageRow, WebhookSubscriberRow]:
    async with sessions() as session:
        row = await session.get_one(WebhookMessageRow, message_id)
        return row, await session.get_one(WebhookSubscriberRow, row.subscriber_id)


async def mark_message_started(sessions: DatabaseSessions, message_id: str) -> None:
    await mark_started(sessions, WebhookMessageRow.message_id, message_id)
