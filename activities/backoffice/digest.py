"""The morning digest: one mail per operator and day, with what the desk's lists hold for them."""

from collections.abc import Sequence

from jinja2 import Environment
from sqlalchemy import select
from temporalio import activity

from activities.common.outbox import MailIdentity, Outbox, WrittenMail
from models.backoffice.digest import DIGEST_SUBJECT, DigestDay, Recipients, SendDigest, digest_lists
from models.backoffice.store.worklist_rows import Worklist
from models.backoffice.worklist import ListedCase
from models.common.calendar import BusinessCalendar, day_in_words
from models.common.desk_links import desk_case_path
from models.common.messages import SentMail
from models.common.store.sessions import DatabaseSession, DatabaseSessions
from models.tables import OperatorRow

MOST_CASES = 50
"""How many waiting cases a digest names; the list shows all."""


class DigestActivities:
    """Finds who gets a digest, and sends it."""

    def __init__(
        self,
        sessions: DatabaseSessions,
        outbox: Outbox,
        templates: Environment,
        *,
        calendar: BusinessCalendar,
        desk_url: str,
    ) -> None:
        self._sessions = sessions
        self._worklist = Worklist(sessions)
        self._outbox = outbox
        self._calendar = calendar
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
        written = await self._write(operator, digest)

        async def write(_: DatabaseSession) -> WrittenMail:
            return written

        return await self._outbox.send(mail, write)

    async def _write(self, operator: OperatorRow, digest: SendDigest) -> WrittenMail:
        who, day = operator.handle, digest.day
        lists = list(digest_lists(who, supervisor=operator.supervisor))
        turn = lists[0][1]
        body = self._template.render(
            operator=operator,
            day=day,
            lists=[
                {"name": name, "count": await self._worklist.count(each, who, day), "link": self._desk_url + each.path}
                for name, each in lists
            ],
            cases=[self._named(each) for each in await self._worklist.first(turn, who, day, MOST_CASES)],
            most=MOST_CASES,
        )
        return WrittenMail(operator.mail_address, f"{DIGEST_SUBJECT}（{day.month}月{day.day}日）", body)

    def _named(self, case: ListedCase) -> dict[str, str | Sequence[str]]:
        """Return what the digest says of a case: what it waits for, since when, and why."""
        due = [f"期限：{day_in_words(case.urgent_on)}"] if case.urgent_on else []
        return {
            "name": case.name,
            "page": self._desk_url + desk_case_path(case.key.case_no, case.key.part),
            "stage": case.stage,
            "since": day_in_words(case.since),
            "why": (*case.marks, *case.points, *due),
        }
