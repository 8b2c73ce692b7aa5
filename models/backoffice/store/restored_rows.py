"""What a restore changes in Postgres before anything is started, so that nothing is given or allowed twice."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from models.backoffice.data_map import CLOSED_STAGE
from models.common.calendar import utc_now
from models.common.journal import EndedKind, JournalEntry, Promise, Revocation, Taken
from models.common.signing_keys import KeyState
from models.common.store.sessions import DatabaseSession
from models.tables import (
    AddressCheckRow,
    ApplicationOfficeRow,
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
    OperatorAuditRow,
    OperatorIdentityRow,
    OperatorRow,
    OperatorSessionRow,
    OperatorSignInLinkRow,
    PublicKeyRow,
    RefusedFormRow,
    ReservedContractIdsRow,
    WebhookMessageRow,
    WebSessionRow,
)

_POOL = "contract_id"
_ROLES_CHANGED = ("roles_changed", "removed")
_IDENTITIES_CHANGED = ("identity_added", "identity_removed", "removed")


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


async def end_again(session: DatabaseSession, entries: Sequence[JournalEntry]) -> int:
    """End what the journal says was ended, but what these records know to have changed since; return how much."""
    ended = 0
    for entry in entries:
        if isinstance(entry.said, Revocation):
            ended += await _end(session, entry.said, datetime.fromisoformat(entry.at))
    return ended


async def _end(session: DatabaseSession, said: Revocation, at: datetime) -> bool:
    match said.what:
        case EndedKind.SIGNING_KEY_RETIRED | EndedKind.SIGNING_KEY_REVOKED:
            return await _end_key(session, said, at)
        case EndedKind.CASE_LINK:
            return await _end_link(session, said)
        case _:
            return await _end_operator(session, said, at)


async def _end_key(session: DatabaseSession, said: Revocation, at: datetime) -> bool:
    row = await session.get(PublicKeyRow, said.about)
    if row is None or row.state == KeyState.REVOKED:
        return False
    if said.what is EndedKind.SIGNING_KEY_REVOKED:
        row.state, row.revoked_at = KeyState.REVOKED, at
    elif row.state == KeyState.ACTIVE:
        row.state, row.retired_at = KeyState.RETIRED, at
    return True


async def _end_link(session: DatabaseSession, said: Revocation) -> bool:
    number, _, part = said.about.partition("/")
    link_no = int(said.left[0])
    row: ApplicationRow | ApplicationOfficeRow | None = (
        await session.get(ApplicationOfficeRow, (number, int(part)))
        if part
        else await session.get(ApplicationRow, number)
    )
    if row is None or row.link_no >= link_no:
        return False
    row.link_no = link_no
    return True


async def _end_operator(session: DatabaseSession, said: Revocation, at: datetime) -> bool:
    row = await session.scalar(select(OperatorRow).filter_by(handle=said.about))
    actions = _IDENTITIES_CHANGED if said.what is EndedKind.OPERATOR_IDENTITY else _ROLES_CHANGED
    known = select(OperatorAuditRow.audit_id).where(
        OperatorAuditRow.operator == said.about,
        OperatorAuditRow.action.in_(actions),
        OperatorAuditRow.happened_at >= at,
    )
    if row is None or row.removed_at or await session.scalar(known.limit(1)):
        return False
    match said.what:
        case EndedKind.OPERATOR_ROLES:
            left = [role for role in row.roles if role in said.left]
            if left == row.roles:
                return False
            row.roles = left
        case EndedKind.OPERATOR_IDENTITY:
            theirs = delete(OperatorIdentityRow).filter_by(issuer=said.left[0], subject=said.left[1])
            await session.execute(theirs)
        case _:
            row.removed_at, row.takes_cases = at, False
            await session.execute(delete(OperatorIdentityRow).filter_by(operator_id=row.operator_id))
    audit = {"action": "ended_again", "by": "restore", "facts": {"what": said.what.value}}
    session.add(OperatorAuditRow(happened_at=utc_now(), operator=said.about, **audit))
    return True


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


async def hold_mails(session: DatabaseSession, at: datetime) -> int:
    """Hold the mails and webhooks of every case that is open or has one that waits; return how many cases."""
    cases = {
        *await session.scalars(
            select(CaseStatusRow.case_no)
            .where(CaseStatusRow.outcome.is_(None), CaseStatusRow.stage != CLOSED_STAGE)
            .distinct()
        ),
        *await session.scalars(
            select(NoticeRow.case_no).where(NoticeRow.sent_at.is_(None), NoticeRow.case_no.is_not(None))
        ),
        *await session.scalars(select(WebhookMessageRow.application_no).where(WebhookMessageRow.settled_at.is_(None))),
    }
    for case_no in sorted(each for each in cases if each):
        await session.execute(insert(HeldCaseRow).values(case_no=case_no, held_since=at).on_conflict_do_nothing())
    return len(cases)


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
