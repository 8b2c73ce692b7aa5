"""Mails that have come back: read from where they arrive, and looked up for the case that they are about."""

from sqlalchemy import and_, or_, select
from temporalio import activity

from activities.common.mailboxes import Mailbox
from models.common.messages import BouncedMail, BouncedMails, CaseRef, ReadReturnedMails, ReturnedMailsRead
from models.common.store.bounces import BounceOutcome, Bounces
from models.common.store.sessions import DatabaseSessions
from models.tables import NoticeRow


class BounceActivities:
    """Reads the mailbox if there is one, and lets each case know which of its mails are known to have come back."""

    def __init__(self, sessions: DatabaseSessions, bounces: Bounces, mailbox: Mailbox | None) -> None:
        self._sessions = sessions
        self._bounces = bounces
        self._mailbox = mailbox

    @activity.defn
    async def read_returned_mails(self, step: ReadReturnedMails) -> ReturnedMailsRead:
        """Take what has arrived. A mail is deleted only after what it says is stored; one that says nothing stays.

        Raises `MailboxError`: what was stored before stays, and the rest is read the next time.
        """
        if self._mailbox is None:
            return ReturnedMailsRead()
        stored = kept = 0
        async with self._mailbox.opened() as mails:
            for name in (await mails.unread())[: step.at_most]:
                outcome = await self._bounces.take(await mails.content(name))
                if outcome in {BounceOutcome.STORED, BounceOutcome.KNOWN}:
                    await mails.remove(name)
                    stored += 1
                else:
                    await mails.keep(name)
                    kept += 1
        return ReturnedMailsRead(stored=stored, kept=kept)

    @activity.defn
    async def bounced_mails(self, case: CaseRef) -> BouncedMails:
        """Return which mails of a case, or of one part of it, have come back and were not sent again. Reads only."""
        notice = NoticeRow
        async with self._sessions() as session:
            rows = await session.scalars(
                select(notice)
                .where(
                    or_(
                        and_(notice.case_no == case.case_no, notice.part.is_not_distinct_from(case.part)),
                        notice.cases.contains([case.case_no]),
                    ),
                    notice.sent_at.is_not(None),
                )
                .order_by(notice.sent_at, notice.key)
            )
            newest = {(row.kind, row.key.endswith(".pair")): row for row in rows}
        bounced = sorted(
            (row for row in newest.values() if row.bounced_at), key=lambda row: (row.sent_at or row.created_at, row.key)
        )
        return BouncedMails(
            mails=tuple(BouncedMail(key=row.key, kind=row.kind, because=row.bounced_because or "") for row in bounced)
        )
