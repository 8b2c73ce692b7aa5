"""What a restore changes in Postgres before anything is started, so that nothing is given or allowed twice."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from models.backoffice.data_map import CLOSED_STAGE
from models.common.journal import JournalEntry, Promise, Taken
from models.common.store.sessions import DatabaseSession
from models.tables import (
    AddressCheckRow,
    ApplicationRow,
    AuditRow,
    BulkActionRow,
    BulkLineRow,
    CaseStatusRow,
    ContractIdPoolRow,
    EventRow,
    HeldCaseRow,
    LedgerRow,
    MyicsSessionRow,
    NoticeRow,
    NotifiedRow,
    OperatorSessionRow,
    OperatorSignInLinkRow,
    RefusedFormRow,
    ReservedContractIdsRow,
    WebhookMessageRow,
    WebSessionRow,
)
from models.webhooks.messages import DELIVERY_WORKFLOW
from models.yayoi.procedures import Stage

_POOL = "contract_id"


async def last_recorded(session: DatabaseSession) -> datetime | None:
    """Return up to when the records go: what the stores know of later is Temporal's alone."""
    times = select(func.max(LedgerRow.recorded_at)).union_all(
        select(func.max(AuditRow.recorded_at)),
        select(func.max(NoticeRow.created_at)),
        select(func.max(ApplicationRow.applied_at)),
    )
    known = [each for each in await session.scalars(times) if each]
    return max(known, default=None)


async def move_numbers(session: DatabaseSession, gap: int) -> None:
    """Move every count on, so that no number of the lost time is given again."""
    counts = await session.execute(
        text("select sequencename, coalesce(last_value, 0), max_value from pg_sequences where schemaname = 'public'")
    )
    for name, last, most in counts.all():
        await session.execute(select(func.setval(name, min(last + gap, most - 1))))


async def promise_numbers(session: DatabaseSession, entries: Sequence[JournalEntry]) -> None:
    """Let contract IDs go on above the last that was promised, and keep those that customers turned out to have."""
    said = [entry.said for entry in entries]
    last = max((each.last for each in said if isinstance(each, Promise)), default=None)
    if last is not None:
        row = {"pool": _POOL, "next_id": last + 1, "promised": last}
        pool = insert(ContractIdPoolRow).values(row)
        above = {name: func.greatest(getattr(ContractIdPoolRow, name), row[name]) for name in ("next_id", "promised")}
        await session.execute(pool.on_conflict_do_update(index_elements=["pool"], set_=above))
    for first_id, last_id in (each for taken in said if isinstance(taken, Taken) for each in taken.ranges):
        reserved = insert(ReservedContractIdsRow).values(first_id=first_id, last_id=last_id)
        longer = func.greatest(ReservedContractIdsRow.last_id, last_id)
        await session.execute(reserved.on_conflict_do_update(index_elements=["first_id"], set_={"last_id": longer}))


async def end_log_ins(session: DatabaseSession, at: datetime) -> None:
    """End every log-in, sign-in link and mailed code; what was signed in bulk and not sent waits to be confirmed."""
    for table in (OperatorSessionRow, OperatorSignInLinkRow, WebSessionRow, MyicsSessionRow):
        await session.execute(delete(table))
    codes = update(AddressCheckRow).where(AddressCheckRow.finished_at.is_(None))
    await session.execute(codes.values(code_until=func.least(AddressCheckRow.code_until, at)))
    unsent = (BulkLineRow.entry.is_not(None), BulkLineRow.answered_at.is_(None))
    waiting = select(BulkLineRow.bulk_id).where(*unsent)
    await session.execute(update(BulkActionRow).where(BulkActionRow.bulk_id.in_(waiting)).values(confirmed_at=None))
    signed = {"entry": None, "update_id": None, "first_run": None, "tries": 0}
    await session.execute(update(BulkLineRow).where(*unsent).values(signed))


def goes_on(row: CaseStatusRow) -> bool:
    """Whether a workflow leads this case, or part of one, by the records: also once it has closed (Y25)."""
    return row.stage != CLOSED_STAGE and (row.outcome is None or row.stage == Stage.AFTER_CLOSING)


async def hold_mails(session: DatabaseSession, at: datetime) -> None:
    """Hold the mails and webhooks of every case that goes on or has one that waits."""
    unsent = select(NoticeRow.case_no).where(NoticeRow.sent_at.is_(None), NoticeRow.case_no.is_not(None))
    undelivered = select(WebhookMessageRow.application_no).where(WebhookMessageRow.settled_at.is_(None))
    waiting = {*await session.scalars(unsent), *await session.scalars(undelivered)}
    rows = await session.scalars(select(CaseStatusRow).where(CaseStatusRow.procedure != DELIVERY_WORKFLOW))
    await hold(session, {*(each for each in waiting if each), *(row.case_no for row in rows if goes_on(row))}, at)


async def hold(session: DatabaseSession, cases: Collection[str], at: datetime) -> None:
    """Hold the mails and webhooks of these cases."""
    held = [{"case_no": case_no, "held_since": at} for case_no in sorted(cases)]
    if held:
        await session.execute(insert(HeldCaseRow).on_conflict_do_nothing(), held)


async def notify_again(session: DatabaseSession, since: datetime) -> None:
    """Have what changed since then be started, signalled and delivered once more: Temporal may have lost it.

    What it has not lost finds by its own number that it was done before.
    """
    for table in NotifiedRow.__subclasses__():
        await session.execute(update(table).where(table.changed_at > since).values(notified_at=None))
    await session.execute(update(RefusedFormRow).where(RefusedFormRow.started_at > since).values(started_at=None))
    messages = update(WebhookMessageRow).where(
        WebhookMessageRow.settled_at.is_(None), WebhookMessageRow.started_at > since
    )
    await session.execute(messages.values(started_at=None))
    delivered = update(EventRow).where(EventRow.delivered_at > since, EventRow.refused_because.is_(None))
    await session.execute(delivered.values(delivered_at=None))
