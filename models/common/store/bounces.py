"""Mails of ours that have come back: each is written into its notice once, and its case is to be asked to look."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import select, update

from models.common.bounces import DeliveryAction, read_returned_mail, why_returned
from models.common.calendar import utc_now
from models.common.store.audit import audit
from models.common.store.sessions import DatabaseSession, DatabaseSessions
from models.tables import NoticeRow

BY = "メールサーバー"


class BounceOutcome(StrEnum):
    """What a returned mail has changed."""

    STORED = "stored"
    """One of our mails is known to have come back."""
    KNOWN = "known"
    """That was known before: nothing has changed."""
    DELAYED = "delayed"
    """One of ours is still being tried: nothing has changed."""
    IGNORED = "ignored"
    """It is about none of our mails, or says nothing of a failure: nothing has changed."""


@dataclass(frozen=True)
class Bounces:
    """Takes returned mails."""

    sessions: DatabaseSessions
    wake: Callable[[], None]
    """Called when a mail is known to have come back: wakes the job that asks its case to look."""
    now: Callable[[], datetime] = utc_now

    async def take(self, content: bytes, by: str = BY) -> BounceOutcome:
        """Read a mail as it came, and store what it says and `by` whom it came; the same one again changes nothing.

        It may come before the sender knows that its own mail was taken: whoever sends holds the notice, so that this
        waits until that is known.
        """
        returned = read_returned_mail(content)
        if returned.action is DeliveryAction.OTHER or not returned.message_ids:
            return BounceOutcome.IGNORED
        async with self.sessions.begin() as session:
            notice = await _notice(session, returned.message_ids)
            if notice is None:
                return BounceOutcome.IGNORED
            if returned.action is DeliveryAction.DELAYED:
                return BounceOutcome.DELAYED
            if notice.bounced_at:
                return BounceOutcome.KNOWN
            self._store(session, notice, returned.status, by)
        self.wake()
        return BounceOutcome.STORED

    def _store(self, session: DatabaseSession, notice: NoticeRow, status: str | None, by: str) -> None:
        notice.bounced_at = self.now()
        notice.bounce_status, notice.bounced_because = status, why_returned(status)
        for case_no in notice.all_cases:
            action = f"メールが届かずに戻った：{notice.subject}"
            facts: dict[str, Any] = {"message_id": notice.message_id, "status": status}
            audit(session, case_no, action, by=by, at=notice.bounced_at, part=notice.part, **facts)


async def bounces_to_notify(sessions: DatabaseSessions) -> Sequence[NoticeRow]:
    """Return the mails that have come back and whose cases have not been asked to look yet, the oldest first."""
    async with sessions() as session:
        rows = await session.scalars(
            select(NoticeRow)
            .where(NoticeRow.bounced_at.is_not(None), NoticeRow.bounce_notified_at.is_(None))
            .order_by(NoticeRow.bounced_at)
        )
        return rows.all()


async def mark_bounce_notified(sessions: DatabaseSessions, key: str, at: datetime) -> None:
    """Write that the mail's case was asked to look, or that there is none that could."""
    async with sessions.begin() as session:
        await session.execute(update(NoticeRow).where(NoticeRow.key == key).values(bounce_notified_at=at))


async def _notice(session: DatabaseSession, message_ids: Sequence[str]) -> NoticeRow | None:
    """Return the notice of the first Message-ID that is one of ours, held."""
    for message_id in message_ids:
        found = select(NoticeRow).where(NoticeRow.message_id == message_id).with_for_update()
        if notice := await session.scalar(found):
            return notice
    return None
