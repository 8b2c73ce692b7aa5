"""Plans and half-filled forms as they are kept until they are sent."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import delete, select, update

from models.common.encryption import key_owner
from models.common.store.case_keys import make_case_key
from models.common.store.sessions import DatabaseSession, DatabaseSessions
from models.tables import DraftRow, NoticeRow
from models.yayoi.deadlines import DRAFT_LASTS, SAVED_DRAFT_DAYS
from models.yayoi.drafts import MOST_OF_AN_ADDRESS, DraftRef
from models.yayoi.identifiers import YayoiId

Typed = Mapping[str, str]
"""What was typed, by the names of the fields."""


class Drafts:
    """Keeps the rows of drafts. `wake` has the mails of rows that have changed sent at once."""

    def __init__(self, sessions: DatabaseSessions, wake: Callable[[], None], now: Callable[[], datetime]) -> None:
        self._sessions = sessions
        self._wake = wake
        self._now = now

    async def find(self, draft_id: UUID) -> DraftRow | None:
        """Return the draft; None if it was sent, has expired, or never was."""
        async with self._sessions() as session:
            row = await session.get(DraftRow, draft_id)
        return row if row and row.expires_at > self._now() else None

    async def keep(
        self, draft_id: UUID | None, *, plan: Typed | None = None, form: Typed | None = None
    ) -> tuple[UUID, datetime]:
        """Keep a plan or a form, in the draft if there still is one; return which draft it is, and until when."""
        now = self._now()
        async with self._sessions.begin() as session:
            row = await session.get(DraftRow, draft_id, with_for_update=True) if draft_id else None
            if row is None:
                # No mail is due: nobody has said where to.
                row = DraftRow(draft_id=uuid4(), changed_at=now, notified_at=now, expires_at=now)
                session.add(row)
                await make_case_key(session, key_owner(DraftRef(draft_id=row.draft_id, mail_no=1).workflow_id))
            if plan is not None:
                row.plan = dict(plan)
            if form is not None:
                row.form = dict(form)
            row.expires_at = max(row.expires_at, now + DRAFT_LASTS)
            return row.draft_id, row.expires_at

    async def mail(self, draft_id: UUID, address: YayoiId, submission_id: UUID, client: str) -> bool:
        """Have the link mailed, once for each form that asks for it. Return whether there still is such a draft.

        Who names an address need not read it: whatever a `client` saves for one ends no draft of another.
        """
        now = self._now()
        async with self._sessions.begin() as session:
            row = await session.get(DraftRow, draft_id, with_for_update=True)
            if row is None or row.expires_at <= now:
                return False
            if row.mailed_for == submission_id:
                return True
            row.mail_address, row.mailed_for, row.mailed_from = address, submission_id, client
            row.mail_no += 1
            row.changed_at = now
            row.expires_at = now + timedelta(days=SAVED_DRAFT_DAYS)
            await session.flush()
            await _end_older(session, address, client)
        self._wake()
        return True

    async def opened(self, draft_id: UUID) -> None:
        """Note that somebody came by the mailed link."""
        async with self._sessions.begin() as session:
            own = update(DraftRow).where(DraftRow.draft_id == draft_id, DraftRow.opened_at.is_(None))
            await session.execute(own.values(opened_at=self._now()))

    async def delete(self, draft_id: UUID) -> None:
        """Delete it with the notices of its mails: it was sent."""
        async with self._sessions.begin() as session:
            await _delete(session, draft_id)

    async def forget(self) -> None:
        """Delete those that have expired."""
        async with self._sessions.begin() as session:
            for draft_id in await session.scalars(
                select(DraftRow.draft_id).where(DraftRow.expires_at <= self._now()).with_for_update(skip_locked=True)
            ):
                await _delete(session, draft_id)


async def _end_older(session: DatabaseSession, address: str, client: str) -> None:
    """Delete those that are more than this client may have for an address, but none that its reader has opened."""
    own = (DraftRow.mail_address == address, DraftRow.mailed_from == client, DraftRow.opened_at.is_(None))
    kept = select(DraftRow.draft_id).where(*own).order_by(DraftRow.changed_at.desc())
    for draft_id in (await session.scalars(kept.offset(MOST_OF_AN_ADDRESS))).all():
        await _delete(session, draft_id)


async def _delete(session: DatabaseSession, draft_id: UUID) -> None:
    await session.execute(delete(DraftRow).where(DraftRow.draft_id == draft_id))
    await session.execute(delete(NoticeRow).where(NoticeRow.key.startswith(f"draft:{draft_id}:")))
