"""Files of many clients or users: stored as a whole, processed row by row; refused rows become a file again (M8)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, insert, select

from models.common.actors import Actor
from models.common.calendar import utc_now
from models.common.case_status import CaseStatus
from models.common.encryption import key_owner
from models.common.store.audit import audit
from models.common.store.case_keys import make_case_key
from models.common.store.case_status import begin_status
from models.common.store.sessions import DatabaseSession, DatabaseSessions
from models.myics.batch_files import BatchFile, read_batch_file, refused_table
from models.myics.batches import BATCH_WORKFLOW, BatchKind, BatchStage
from models.myics.identifiers import BatchNo, CustomerNo, registration_workflow_id
from models.myics.store.permissions import NotPossibleError, may_manage
from models.myics.store.requests import next_change
from models.myics.store.sign_in import Member
from models.tables import MyicsBatchLineRow, MyicsBatchRow, batch_count

_AT_A_TIME = 1000
Sender = Member | Actor
"""Who sends a file: an administrator of a firm; of firms themselves, an operator."""


@dataclass(frozen=True)
class BatchStatus:
    """How far a file is."""

    batch_no: BatchNo
    kind: BatchKind
    requested_at: datetime
    rows: int
    done: int
    refused: int
    stopped: bool
    finished: bool


@dataclass(frozen=True)
class RefusedBatchRow:
    """A row that was not taken, as it is in the file, and why."""

    line: int
    values: dict[str, str]
    reason: str


@dataclass(frozen=True)
class Batches:
    """Takes files and returns their status. `manager` None: an operator, at the command line."""

    sessions: DatabaseSessions
    wake: Callable[[], None]
    """Called after each change: wakes the job that notifies the procedures."""
    now: Callable[[], datetime] = utc_now

    async def take(self, sender: Sender, kind: BatchKind, content: bytes, submission_id: UUID) -> BatchNo:
        """Store every row of a file; the same submission again is the same batch.

        Raises `RefusedError` for a file that cannot be read as a whole, and `NotPossibleError`.
        """
        manager = sender if isinstance(sender, Member) else None
        if (kind is BatchKind.FIRMS) != (manager is None):
            raise NotPossibleError("会計事務所の招待は担当者だけが、顧問先とユーザーの登録は事務所だけが行えます。")
        file = read_batch_file(content, kind)
        async with self.sessions.begin() as session:
            if manager:
                await may_manage(session, manager, manager.holder_no)
            number = await self._store(session, sender, kind, file, submission_id)
        self.wake()
        return number

    async def listed(self, manager: Member) -> list[BatchStatus]:
        """Return the firm's files, the newest first. Raises `NotPossibleError`."""
        async with self.sessions() as session:
            await may_manage(session, manager, manager.holder_no)
            rows = await session.scalars(
                select(MyicsBatchRow)
                .where(MyicsBatchRow.customer_no == manager.holder_no.firm)
                .order_by(MyicsBatchRow.batch_no.desc())
                .limit(20)
            )
            return [await _status(session, row) for row in rows]

    async def status(self, manager: Member | None, number: BatchNo) -> BatchStatus:
        """Return how far the file is. Raises `NotPossibleError`."""
        async with self.sessions() as session:
            return await _status(session, await _batch(session, manager, number))

    async def refused(self, manager: Member | None, number: BatchNo) -> list[RefusedBatchRow]:
        """Return the rows that were not taken, in the file's order. Raises `NotPossibleError`."""
        async with self.sessions() as session:
            await _batch(session, manager, number)
            line = MyicsBatchLineRow
            rows = await session.scalars(
                select(line).where(line.batch_no == number, line.refused_because.is_not(None)).order_by(line.position)
            )
            return [RefusedBatchRow(row.line, dict(row.values), row.refused_because or "") for row in rows]

    async def refused_csv(self, manager: Member | None, number: BatchNo) -> bytes:
        """Return them as a file that a spreadsheet opens, ready to be corrected and sent again."""
        kind = (await self.status(manager, number)).kind
        refused = await self.refused(manager, number)
        return refused_table(kind, [(row.line, row.values, row.reason) for row in refused])

    async def stop(self, manager: Member, number: BatchNo, *, stopped: bool) -> None:
        """Stop after the page that is under way, or go on. Raises `NotPossibleError`."""
        async with self.sessions.begin() as session:
            row = await _batch(session, manager, number)
            await session.refresh(row, with_for_update=True)
            if row.closed_at:
                raise NotPossibleError("この一括登録は、すでに終了しています。")
            row.stopped, row.changed_at = stopped, next_change(row, self.now())
            action = "一括登録を止めた" if stopped else "一括登録を再開した"
            audit(session, number, action, by=str(manager.actor), at=self.now())
        self.wake()

    async def _store(
        self, session: DatabaseSession, sender: Sender, kind: BatchKind, file: BatchFile, submission_id: UUID
    ) -> BatchNo:
        # Two clicks at once: the second waits here, then finds what the first has stored.
        await session.execute(select(func.pg_advisory_xact_lock(submission_id.int % 2**63)))
        firm: CustomerNo | None = sender.holder_no.firm if isinstance(sender, Member) else None
        stored = await session.scalar(select(MyicsBatchRow).where(MyicsBatchRow.submission_id == submission_id))
        if stored:
            if (stored.kind, stored.customer_no) != (kind, firm):
                raise NotPossibleError("画面が古くなっています。画面を開き直してから、もう一度送ってください。")
            return BatchNo(stored.batch_no)
        now = self.now()
        row = MyicsBatchRow(
            batch_no=BatchNo.from_count(await session.scalar(select(batch_count.next_value())) or 0),
            submission_id=submission_id,
            kind=kind,
            customer_no=firm,
            rows=len(file.rows),
            requested_by=_by(sender),
            requested_at=now,
            changed_at=now,
        )
        session.add(row)
        workflow_id = registration_workflow_id(BatchNo(row.batch_no))
        await make_case_key(session, key_owner(workflow_id))
        audit(session, row.batch_no, "一括登録を受け付けた", by=row.requested_by, at=now)
        begun = CaseStatus.first(BatchStage.REGISTERING, now)
        begin_status(session, workflow_id, row.batch_no, None, begun, procedure=BATCH_WORKFLOW)
        await session.flush()
        for first in range(0, len(file.rows), _AT_A_TIME):
            lines = [
                {
                    "batch_no": row.batch_no,
                    "position": position,
                    "line": each.line,
                    "values": each.values,
                    "done_at": now if each.refused_because else None,
                    "refused_because": each.refused_because or None,
                }
                for position, each in enumerate(file.rows[first : first + _AT_A_TIME], start=first + 1)
            ]
            await session.execute(insert(MyicsBatchLineRow), lines)
        return BatchNo(row.batch_no)


async def _batch(session: DatabaseSession, manager: Member | None, number: BatchNo) -> MyicsBatchRow:
    if manager:
        await may_manage(session, manager, manager.holder_no)
    row = await session.get(MyicsBatchRow, number)
    if row is None or (manager and row.customer_no != manager.holder_no.firm):
        raise NotPossibleError(f"一括登録 {number} は見つかりません。受付番号を確認してください。")
    return row


async def _status(session: DatabaseSession, row: MyicsBatchRow) -> BatchStatus:
    line = MyicsBatchLineRow
    done, refused = (
        await session.execute(
            select(func.count(line.done_at), func.count(line.refused_because)).where(line.batch_no == row.batch_no)
        )
    ).one()
    return BatchStatus(
        batch_no=BatchNo(row.batch_no),
        kind=BatchKind(row.kind),
        requested_at=row.requested_at,
        rows=row.rows,
        done=done,
        refused=refused,
        stopped=row.stopped,
        finished=row.closed_at is not None,
    )


def _by(sender: Sender) -> str:
    return str(sender.actor if isinstance(sender, Member) else sender)
