"""Bulk actions in Postgres: chosen, judged, confirmed in one transaction, and sent line by line."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, and_, delete, func, insert, or_, select, tuple_, update

from models.backoffice.bulk_actions import MOST_CASES, NOT_BEGUN, BulkContent, BulkKind
from models.backoffice.case_places import CasePlace
from models.backoffice.store.worklist_rows import described
from models.backoffice.worklist import ListedCase
from models.common.store.sessions import DatabaseSession, DatabaseSessions
from models.tables import BulkActionRow, BulkLineRow, CaseStatusRow, NoticeRow, OperatorRow
from models.yayoi.mails import MailKind

_ACTION, _LINE, _STATUS = BulkActionRow, BulkLineRow, CaseStatusRow
_TO_JUDGE = and_(_LINE.asked_at.is_not(None), _LINE.judged_at.is_(None))
_TO_SEND = and_(_LINE.entry.is_not(None), _LINE.answered_at.is_(None))
MOST_LISTED = 20
"""Bulk actions that the page lists, the newest first."""


@dataclass(frozen=True)
class LineToJudge:
    """One case of a bulk action, with what is to be done and by whom."""

    workflow_id: str
    procedure: str
    kind: BulkKind
    content: BulkContent
    handle: str
    roles: Sequence[str]
    assignee: str | None
    mail: str | None
    """The kind of the mail that would be sent again: one that did not arrive, else the last."""


@dataclass(frozen=True)
class JudgedLine:
    """What is sent for a case, or why nothing is."""

    refused_because: str | None = None
    operation: str | None = None
    message: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class SignedLine:
    """What was signed for a case."""

    key: CasePlace
    message: Mapping[str, Any]
    update_id: str
    entry: str


@dataclass(frozen=True)
class LineAnswer:
    """What came of a line that was sent."""

    refused_because: str | None = None
    text: str = ""


@dataclass(frozen=True)
class BulkCounts:
    """How far a bulk action is."""

    lines: int
    to_judge: int
    refused: int
    to_send: int
    done: int

    @property
    def ready(self) -> int:
        """How many can be confirmed."""
        return self.lines - self.to_judge - self.refused


_NOT_BEGUN = JudgedLine(NOT_BEGUN)
Judge = Callable[[LineToJudge], Awaitable[JudgedLine]]
Send = Callable[[BulkLineRow], Awaitable[LineAnswer | None]]
"""Sends what was signed; None: it is not known what came of it."""


class BulkActions:
    """Keeps them. A line is locked while it is judged or sent, so that several processes share the work."""

    def __init__(self, sessions: DatabaseSessions, now: Callable[[], datetime]) -> None:
        self._sessions = sessions
        self._now = now

    async def begin(self, operator: OperatorRow, roles: Collection[str], keys: Sequence[CasePlace]) -> UUID | None:
        """Keep which cases were chosen; what is no case is passed over. None: there is none."""
        bulk_id, chosen = uuid4(), list(dict.fromkeys(keys))[:MOST_CASES]
        there = select(_STATUS.case_no, _STATUS.part, _STATUS.workflow_id).where(
            tuple_(_STATUS.case_no, _STATUS.part).in_(chosen)
        )
        async with self._sessions.begin() as session:
            rows = (await session.execute(there)).all()
            if not rows:
                return None
            session.add(
                _ACTION(
                    bulk_id=bulk_id,
                    operator_id=operator.operator_id,
                    handle=operator.handle,
                    roles=sorted(roles),
                    chosen_at=self._now(),
                )
            )
            await session.flush()
            await session.execute(insert(_LINE), [{"bulk_id": bulk_id, **row._asdict()} for row in rows])
        return bulk_id

    async def find(self, bulk_id: UUID) -> BulkActionRow | None:
        async with self._sessions() as session:
            return await session.get(_ACTION, bulk_id)

    async def listed(self, operator: OperatorRow, *, of_everybody: bool) -> Sequence[tuple[BulkActionRow, str, int]]:
        """Return the newest ones, with whose they are and how many cases each has."""
        cases = select(func.count()).where(_LINE.bulk_id == _ACTION.bulk_id).scalar_subquery()
        rows = select(_ACTION, OperatorRow.name, cases).join(
            OperatorRow, OperatorRow.operator_id == _ACTION.operator_id
        )
        if not of_everybody:
            rows = rows.where(_ACTION.operator_id == operator.operator_id)
        async with self._sessions() as session:
            found = await session.execute(rows.order_by(_ACTION.chosen_at.desc()).limit(MOST_LISTED))
            return [(row, name, count) for row, name, count in found]

    async def counts(self, bulk_id: UUID) -> BulkCounts:
        counted = (
            func.count(),
            func.count().filter(_TO_JUDGE),
            func.count().filter(_LINE.refused_because.is_not(None)),
            func.count().filter(_TO_SEND),
            func.count().filter(_LINE.answered_at.is_not(None), _LINE.refused_because.is_(None)),
        )
        async with self._sessions() as session:
            return BulkCounts(*(await session.execute(select(*counted).where(_LINE.bulk_id == bulk_id))).one())

    async def lines(self, bulk_id: UUID) -> Sequence[tuple[ListedCase, BulkLineRow]]:
        """Return every case with what becomes of it, those that are refused first."""
        both = and_(_STATUS.case_no == _LINE.case_no, _STATUS.part == _LINE.part)
        rows = select(_STATUS, _LINE).join(_LINE, both).where(_LINE.bulk_id == bulk_id)
        order = (_LINE.refused_because.is_(None), _LINE.case_no, _LINE.part)
        async with self._sessions() as session:
            found = (await session.execute(rows.order_by(*order))).all()
            cases = await described(session, [status for status, _ in found])
            return [(case, line) for case, (_, line) in zip(cases, found, strict=True)]

    async def ask(self, bulk_id: UUID, kind: BulkKind, content: BulkContent, roles: Collection[str]) -> None:
        """Keep what is to be done, and let every case be judged, anew if it was before; not once it is confirmed."""
        said = {"kind": kind, "content": content.model_dump(mode="json", exclude_none=True), "roles": sorted(roles)}
        open_ = update(_ACTION).where(_ACTION.bulk_id == bulk_id, _ACTION.confirmed_at.is_(None)).values(**said)
        anew = dict.fromkeys(("judged_at", "refused_because", "operation", "message", "first_run"))
        async with self._sessions.begin() as session:
            if await session.scalar(open_.returning(_ACTION.bulk_id)):
                lines = update(_LINE).where(_LINE.bulk_id == bulk_id)
                await session.execute(lines.values(asked_at=self._now(), **anew))

    async def judge_next(self, judge: Judge) -> bool:
        """Judge one case that waits for it. False: there is none that nobody else judges."""
        async with self._sessions.begin() as session:
            line = await _claimed(session, _TO_JUDGE, _LINE.bulk_id, _LINE.case_no, _LINE.part)
            if line is None:
                return False
            status = await session.get_one(_STATUS, (line.case_no, line.part))
            # Without its first run nothing can be signed for a case.
            judged = await judge(await _to_judge(session, line, status)) if status.first_run_id else _NOT_BEGUN
            line.judged_at, line.first_run = self._now(), status.first_run_id
            line.refused_because, line.operation = judged.refused_because, judged.operation
            line.message = dict(judged.message) if judged.message is not None else None
        return True

    async def ready(self, bulk_id: UUID) -> Sequence[tuple[BulkLineRow, CaseStatusRow]]:
        """Return the lines that can be confirmed, each with where its case is now."""
        both = and_(_STATUS.case_no == _LINE.case_no, _STATUS.part == _LINE.part)
        lines = select(_LINE, _STATUS).join(_STATUS, both)
        fitting = (_LINE.bulk_id == bulk_id, _LINE.judged_at.is_not(None), _LINE.refused_because.is_(None))
        async with self._sessions() as session:
            return [(line, status) for line, status in await session.execute(lines.where(*fitting))]

    async def confirm(self, bulk_id: UUID, signed: Sequence[SignedLine], refused: Mapping[CasePlace, str]) -> bool:
        """Keep what was signed, all in one transaction; from then on it is sent. False: it was confirmed before."""
        confirmed = update(_ACTION).where(_ACTION.bulk_id == bulk_id, _ACTION.confirmed_at.is_(None))
        async with self._sessions.begin() as session:
            if not await session.scalar(confirmed.values(confirmed_at=self._now()).returning(_ACTION.bulk_id)):
                return False
            for line in signed:
                values = {"message": dict(line.message), "update_id": line.update_id, "entry": line.entry}
                await session.execute(_of(bulk_id, line.key).values(**values))
            for key, because in refused.items():
                await session.execute(_of(bulk_id, key).values(refused_because=because))
        return True

    async def send_next(self, send: Send) -> bool:
        """Send one line that was signed and not answered. False: there is none, or nobody answers now.

        Who dies here leaves it to the others: it is sent again under the same update id, and takes effect once.
        """
        async with self._sessions.begin() as session:
            line = await _claimed(session, _TO_SEND, _LINE.tries, _LINE.bulk_id, _LINE.case_no, _LINE.part)
            if line is None:
                return False
            answer = await send(line)
            line.tries += 1
            if answer is None:
                return False
            line.answered_at = self._now()
            line.refused_because, line.answer = answer.refused_because, answer.text
        return True

    async def remove(self, bulk_id: UUID) -> None:
        """Forget one that nobody has confirmed."""
        mine = (_ACTION.bulk_id == bulk_id, _ACTION.confirmed_at.is_(None))
        async with self._sessions.begin() as session:
            await session.execute(delete(_ACTION).where(*mine))


def _of(bulk_id: UUID, key: CasePlace) -> Any:
    return update(_LINE).where(_LINE.bulk_id == bulk_id, _LINE.case_no == key.case_no, _LINE.part == key.part)


async def _claimed(session: DatabaseSession, waits: ColumnElement[bool], *order: Any) -> BulkLineRow | None:
    waiting = select(_LINE).where(waits).order_by(*order).limit(1).with_for_update(skip_locked=True)
    row: BulkLineRow | None = await session.scalar(waiting)
    return row


async def _to_judge(session: DatabaseSession, line: BulkLineRow, status: CaseStatusRow) -> LineToJudge:
    action = await session.get_one(_ACTION, line.bulk_id)
    kind = BulkKind.named(str(action.kind))
    return LineToJudge(
        workflow_id=line.workflow_id,
        procedure=status.procedure,
        kind=kind,
        content=BulkContent.model_validate(action.content),
        handle=action.handle,
        roles=action.roles,
        assignee=status.assignee,
        mail=await _mail_to_resend(session, line) if kind is BulkKind.RESEND else None,
    )


_FOR_OPERATORS = [kind.value for kind in MailKind if kind.for_operators]


async def _mail_to_resend(session: DatabaseSession, line: BulkLineRow) -> str | None:
    """Return the kind of the mail to the customer that did not arrive, else of the last one."""
    row = NoticeRow
    lost = or_(row.refused_because.is_not(None), row.bounced_at.is_not(None))
    theirs = (row.case_no == line.case_no, row.part == line.part, row.kind.not_in(_FOR_OPERATORS))
    newest = select(row.kind).where(*theirs).order_by(lost.desc(), row.created_at.desc(), row.key.desc())
    kind: str | None = await session.scalar(newest.limit(1))
    return kind
