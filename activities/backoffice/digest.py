"""The morning digest: one mail per operator and day, with their queues as Temporal's list has them."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from jinja2 import Environment
from sqlalchemy import select
from temporalio import activity
from temporalio.client import Client

from activities.common.outbox import MailIdentity, Outbox, WrittenMail
from models.backoffice.case_places import CasePlace, place_of
from models.backoffice.digest import DIGEST_SUBJECT, DigestDay, Recipients, SendDigest
from models.backoffice.store.worklist_rows import described
from models.backoffice.worklist import WorkList
from models.common.calendar import BusinessCalendar
from models.common.desk_links import WORKLIST, desk_case_path
from models.common.messages import SentMail
from models.common.store.case_status import status_of
from models.common.store.sessions import DatabaseSession, DatabaseSessions
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


@dataclass(frozen=True)
class WaitingCase:
    """A case that waits for an operator, as the digest names it."""

    name: str
    page: str
    """Where the desk shows it, with what can be done."""
    stage: str = ""
    since: datetime | None = None
    points: Sequence[str] = ()
    """Why: what an operator is to notice, and what is wrong or still open."""


QueuesOf = Callable[[date, str | None], Queues]
"""The queues of an operator, by their handle; None: of everybody."""


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
        desk_url: str,
    ) -> None:
        self._sessions = sessions
        self._client = client
        self._outbox = outbox
        self._calendar = calendar
        self._queues_of = queues_of
        self._desk_url = desk_url
        self._template = templates.get_template("morning_digest.md")

    @activity.defn
    async def digest_recipients(self, today: DigestDay) -> Recipients:
        """Return every operator who is not on leave; nobody on a day that is no business day. Reads only."""
        if not self._calendar.is_business_day(today.day):
            return Recipients(operators=())
        async with self._sessions() as session:
            working = (OperatorRow.removed_at.is_(None), ~OperatorRow.on_leave(today.day))
            recipients = select(OperatorRow.handle).where(*working).order_by(OperatorRow.handle)
            return Recipients(operators=tuple(await session.scalars(recipients)))

    @activity.defn
    async def send_digest(self, digest: SendDigest) -> SentMail:
        """Send the operator's digest of the day unless it was sent before; a supervisor's counts everybody's cases."""
        mail = MailIdentity(key=f"digest:{digest.day}:{digest.operator}", kind="morning_digest")
        async with self._sessions() as session:
            operator = (await session.scalars(select(OperatorRow).where(OperatorRow.handle == digest.operator))).one()
        # Before the outbox begins: no connection to the database is held while Temporal counts.
        written = await self._write(operator, digest)

        async def write(_: DatabaseSession) -> WrittenMail:
            return written

        return await self._outbox.send(mail, write)

    async def _write(self, operator: OperatorRow, digest: SendDigest) -> WrittenMail:
        queues = self._queues_of(digest.day, None if operator.supervisor else operator.handle)
        counts = await asyncio.gather(*(self._client.count_workflows(queue.query) for queue in queues.counted))
        waiting = [case.id async for case in self._client.list_workflows(queues.waiting.query, limit=MOST_CASES)]
        body = self._template.render(
            operator=operator,
            day=digest.day,
            queues=[(queue, found.count) for queue, found in zip(queues.counted, counts, strict=True)],
            cases=[await self._waiting(workflow_id) for workflow_id in sorted(waiting)],
            most=MOST_CASES,
            worklist=f"{self._desk_url}{WORKLIST}?show={WorkList.ALL if operator.supervisor else WorkList.MINE}",
        )
        return WrittenMail(operator.mail_address, f"{DIGEST_SUBJECT}（{digest.day.month}月{digest.day.day}日）", body)

    async def _waiting(self, workflow_id: str) -> WaitingCase:
        """Read what a case waits for, since when, and why."""
        case_no, part = place_of(workflow_id) or CasePlace(workflow_id)
        name = f"{case_no} の {part} 件目" if part else case_no
        page = self._desk_url + desk_case_path(case_no, part)
        async with self._sessions() as session:
            row = await status_of(session, case_no, part)
            if row is None:
                return WaitingCase(name, page)
            [listed] = await described(session, [row])
            return WaitingCase(name, page, row.stage, row.since, (*listed.marks, *row.points))
