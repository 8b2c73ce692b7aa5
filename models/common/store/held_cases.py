"""Cases whose own mails and webhooks wait since a restore: the lost time may have sent them already."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import bindparam, delete, func, select

from models.common.store.operators import audit_operator
from models.common.store.sessions import DatabaseSession, DatabaseSessions
from models.tables import HeldCaseRow, NoticeRow, WebhookMessageRow

_HELD = select(HeldCaseRow.case_no).where(HeldCaseRow.case_no.in_(bindparam("cases", expanding=True))).limit(1)


class HeldCase(NamedTuple):
    """A case that waits, and how many mails and webhooks of it do so already."""

    case_no: str
    held_since: datetime
    mails: int
    webhooks: int


async def is_held(session: DatabaseSession, cases: Collection[str]) -> bool:
    """Whether one of these cases waits."""
    return bool(cases) and await session.scalar(_HELD, {"cases": list(cases)}) is not None


class HeldCases:
    """Lists and releases them."""

    def __init__(self, sessions: DatabaseSessions) -> None:
        self._sessions = sessions

    async def listed(self) -> list[HeldCase]:
        """Return all that wait, by number."""
        mail, webhook = NoticeRow, WebhookMessageRow
        mails = select(func.count()).where(
            mail.case_no == HeldCaseRow.case_no, mail.sent_at.is_(None), mail.refused_because.is_(None)
        )
        webhooks = select(func.count()).where(
            webhook.application_no == HeldCaseRow.case_no, webhook.settled_at.is_(None)
        )
        listed = select(
            HeldCaseRow.case_no, HeldCaseRow.held_since, mails.scalar_subquery(), webhooks.scalar_subquery()
        )
        async with self._sessions() as session:
            return [HeldCase(*row) for row in await session.execute(listed.order_by(HeldCaseRow.case_no))]

    async def release(self, cases: Collection[str] | None, *, by: str, at: datetime) -> list[str]:
        """Release these, or all; return those that waited. What waits is sent within a minute, under its old id."""
        released = delete(HeldCaseRow).returning(HeldCaseRow.case_no)
        if cases is not None:
            released = released.where(HeldCaseRow.case_no.in_(list(cases)))
        async with self._sessions.begin() as session:
            numbers = sorted(await session.scalars(released))
            if numbers:
                audit_operator(session, by, "mails_released", by=by, at=at, cases=numbers)
        return numbers
