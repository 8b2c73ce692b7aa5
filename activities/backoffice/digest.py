"""The morning digest: one mail per operator and day, with their queues as Temporal's list has them."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from jinja2 import Environment
from sqlalchemy import select
from temporalio import activity
from temporalio.client import Client

from activities.common.outbox import MailIdentity, Outbox, WrittenMail
from models.backoffice.digest import DIGEST_SUBJECT, DigestDay, Recipients, SendDigest
from models.common.calendar import BusinessCalendar
from models.common.messages import SentMail
from models.common.store.sessions import DatabaseSession, DatabaseSessions
from models.common.web_ui_links import WorkflowLink
from models.tables import OperatorRow

MOST_CASES = 50
"""How many waiting cases a digest names; the queue's link shows all."""


@dataclass(frozen=True)
class DigestQueue:
    """One queue of one operator on one day: its query, and where it is seen."""

    name: str
    query: str
    link: str


@dataclass(frozen=True)
class Queues:
    """What a digest counts, and of which queue it names the cases."""

    counted: Sequence[DigestQueue]
    waiting: DigestQueue


QueuesOf = Callable[[date, str | None], Queues]
"""The queues of an operator; None: of everybody."""


class DigestActivities:
    """Finds who gets a digest, and sends it."""

    def __init__(
        self,
        sessions: DatabaseSessions,
        client: Client,
        outbox: Outbox,
        templates: Environment,
        *,
        calendar: BusinessCalendar,
        queues_of: QueuesOf,
        workflow_link: WorkflowLink,
    ) -> None:
        self._sessions = sessions
        self._client = client
        self._outbox = outbox
        self._calendar = calendar
        self._queues_of = queues_of
        self._workflow_link = workflow_link
        self._template = templates.get_template("morning_digest.md")

    @activity.defn
    async def digest_recipients(self, today: DigestDay) -> Recipients:
        """Return every operator who is not on leave; nobody on a day that is no business day. Reads only."""
        if not self._calendar.is_business_day(today.day):
            return Recipients(names=())
        async with self._sessions() as session:
            working = (OperatorRow.removed_at.is_(None), ~OperatorRow.on_leave(today.day))
            recipients = select(OperatorRow.name).where(*working).order_by(OperatorRow.name)
            return Recipients(names=tuple(await session.scalars(recipients)))

    @activity.defn
    async def send_digest(self, digest: SendDigest) -> SentMail:
        """Send the operator's digest of the day unless it was sent before; a supervisor's counts everybody's cases."""
        mail = MailIdentity(key=f"digest:{digest.day}:{digest.operator}", kind="morning_digest")
        async with self._sessions() as session:
            operator = (await session.scalars(select(OperatorRow).where(OperatorRow.name == digest.operator))).one()
        # Before the outbox begins: no connection to the database is held while Temporal counts.
        written = await self._write(operator, digest)

        async def write(_: DatabaseSession) -> WrittenMail:
            return written

        return await self._outbox.send(mail, write)

    async def _write(self, operator: OperatorRow, digest: SendDigest) -> WrittenMail:
        queues = self._queues_of(digest.day, None if operator.supervisor else operator.name)
        counts = await asyncio.gather(*(self._client.count_workflows(queue.query) for queue in queues.counted))
        waiting = [
            (case.id, self._workflow_link(case.id))
            async for case in self._client.list_workflows(queues.waiting.query, limit=MOST_CASES)
        ]
        body = self._template.render(
            operator=operator,
            day=digest.day,
            queues=[(queue, found.count) for queue, found in zip(queues.counted, counts, strict=True)],
            cases=[(_in_words(workflow_id), link) for workflow_id, link in sorted(waiting)],
            most=MOST_CASES,
        )
        return WrittenMail(operator.mail_address, f"{DIGEST_SUBJECT}（{digest.day.month}月{digest.day.day}日）", body)


def _in_words(workflow_id: str) -> str:
    """Name a case as people do, from `application/YS-000123/office/1`."""
    _, application_no, *office = workflow_id.split("/")
    return f"{application_no} の {office[-1]} 件目" if office else application_no
