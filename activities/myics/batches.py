"""Processing a file, page by page: each row is done or refused once, whatever process ends meanwhile (M8)."""

from collections.abc import Sequence

from sqlalchemy import func, select
from temporalio import activity

from models.common.actors import Actor, ActorKind
from models.common.messages import CaseRef, CaseStep
from models.common.refusals import FieldError, RefusedError
from models.common.store.ledger import Ledger, NoResult, StepTransaction
from models.common.store.sessions import DatabaseSession, DatabaseSessions
from models.myics.batches import BatchFound, BatchKind, BatchPage, PageDone, RefusedLine, StopBatch
from models.myics.forms import ClientForm, ClientUserForm, FirmForm, UserForm, read
from models.myics.identifiers import ClientId, CustomerNo, HolderNo
from models.myics.store.requests import Requester, invite_firm, invite_user, list_client, next_change
from models.tables import MyicsBatchLineRow, MyicsBatchRow, MyicsClientRow, MyicsRegistrationRow

AT_ONCE = 20
"""Rows in one transaction, and between two heartbeats: a row that is refused changes nothing for the others."""


class RegistrationBatchActivities:
    """Takes the rows of a file. A worker that dies in the middle leaves each row either done or as it was."""

    def __init__(self, sessions: DatabaseSessions, ledger: Ledger) -> None:
        self._sessions = sessions
        self._ledger = ledger

    @activity.defn
    async def process_page(self, page: BatchPage) -> PageDone:
        """Process the rows of a page that were not processed yet; return the result of all of them."""
        line = MyicsBatchLineRow
        on_page = (line.batch_no == page.case_no, line.position.between(page.first, page.last))
        async with self._sessions() as session:
            waiting = (
                await session.scalars(
                    select(line.position).where(*on_page, line.done_at.is_(None)).order_by(line.position)
                )
            ).all()
        for first in range(0, len(waiting), AT_ONCE):
            await self._process(page, waiting[first : first + AT_ONCE])
            if activity.in_activity():
                activity.heartbeat(waiting[first])
        async with self._sessions() as session:
            refused = await session.execute(
                select(line.line, line.refused_because)
                .where(*on_page, line.refused_because.is_not(None))
                .order_by(line.position)
            )
            return PageDone(
                refused=tuple(RefusedLine(line=number, reason=reason) for number, reason in refused),
                waiting_to_start=await _waiting_to_start(session, page.case_no),
            )

    @activity.defn
    async def count_waiting(self, batch: CaseRef) -> int:
        """Return how many registrations of this file were stored and not started yet. Reads only."""
        async with self._sessions() as session:
            return await _waiting_to_start(session, batch.case_no)

    @activity.defn
    async def look_at_batch(self, batch: CaseRef) -> BatchFound:
        """Return whether the batch's row says that it is stopped. Reads only."""
        async with self._sessions() as session:
            return _found(await session.get_one(MyicsBatchRow, batch.case_no))

    @activity.defn
    async def stop_batch(self, step: StopBatch) -> BatchFound:
        """Write that it is stopped, or goes on; return what its row says now."""

        async def stop(transaction: StepTransaction) -> BatchFound:
            batch = await transaction.session.get_one(MyicsBatchRow, step.case_no, with_for_update=True)
            batch.stopped, batch.changed_at = step.stopped, next_change(batch, step.at)
            transaction.audit(step.action, by=step.by, reason=step.reason)
            return _found(batch)

        return await self._ledger.once(step, f"operation.{step.counted}", BatchFound, stop)

    @activity.defn
    async def close_batch(self, step: CaseStep) -> None:
        """Note that every row was processed."""

        async def close(transaction: StepTransaction) -> NoResult:
            batch = await transaction.session.get_one(MyicsBatchRow, step.case_no, with_for_update=True)
            batch.closed_at = step.at
            transaction.audit("一括登録を終了した")
            return NoResult()

        await self._ledger.once(step, "close", NoResult, close)

    async def _process(self, page: BatchPage, positions: Sequence[int]) -> None:
        """Process some rows and note it, in one transaction; of a row that is refused, only the reason is kept."""
        line = MyicsBatchLineRow
        # Two workers at once, after one was thought dead: the second waits here and finds these rows done.
        held = (
            select(line)
            .where(line.batch_no == page.case_no, line.position.in_(positions), line.done_at.is_(None))
            .order_by(line.position)
            .with_for_update()
        )
        async with self._sessions.begin() as session:
            for row in (await session.scalars(held)).all():
                try:
                    async with session.begin_nested():
                        await _take(session, page, row.values)
                except RefusedError as refused:
                    row.refused_because = _in_words(page.kind, refused.errors)
                row.done_at = page.at


def _found(batch: MyicsBatchRow) -> BatchFound:
    return BatchFound(stopped=batch.stopped, changed_at=batch.changed_at)


async def _take(session: DatabaseSession, page: BatchPage, values: dict[str, str]) -> None:
    batch = await session.get_one(MyicsBatchRow, page.case_no)
    requester = Requester(batch.requested_by, page.at, page.case_no, actor=_actor(batch))
    match read(page.kind.form, values):
        case FirmForm() as firm:
            await invite_firm(session, firm, requester)
        case ClientForm() as client:
            await list_client(session, _firm(page), client, requester)
        case ClientUserForm() as user:
            holder = await _holder(session, page, user)
            await invite_user(session, holder, UserForm(**user.model_dump(exclude={"suffix"})), requester)


async def _holder(session: DatabaseSession, page: BatchPage, user: ClientUserForm) -> HolderNo:
    firm = _firm(page)
    if user.suffix is None:
        return HolderNo(firm)
    client = ClientId.of(firm, user.suffix)
    if await session.get(MyicsClientRow, client) is None:
        reason = f"顧問先ID {client} は登録されていません。先に顧問先を登録してください。"
        raise RefusedError([FieldError(field="suffix", message=reason)])
    return HolderNo(client)


def _actor(batch: MyicsBatchRow) -> str:
    return str(Actor(ActorKind.FIRM, batch.customer_no)) if batch.customer_no else ""


def _firm(page: BatchPage) -> CustomerNo:
    if page.customer_no is None:
        raise RefusedError([FieldError(field="", message="どの会計事務所のファイルかが分かりません。")])
    return page.customer_no


async def _waiting_to_start(session: DatabaseSession, batch_no: str) -> int:
    return (
        await session.scalar(
            select(func.count()).where(
                MyicsRegistrationRow.batch_no == batch_no, MyicsRegistrationRow.notified_at.is_(None)
            )
        )
        or 0
    )


def _in_words(kind: BatchKind, errors: tuple[FieldError, ...]) -> str:
    """Say what is wrong with a row, naming columns as the file does."""
    headings = {field: heading for heading, field in kind.columns.items()}
    return "　".join(f"{headings.get(error.field, '行全体')}：{error.message}" for error in errors)
