"""The audit trail: who did what to which case, and why. This is the only place that writes it.

Entries are written when their transaction commits, in one order over all of them and each chained to the one before,
under a lock for its case and part: whoever holds such a lock waits for nothing any more.
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, event, func, insert, select
from sqlalchemy.orm import Session, SessionTransaction

from models.common.audit_trail import BEGINNING, AuditEntry, SignedPart, instant
from models.common.calendar import utc_now
from models.common.commitments import canonical, commitment_of, new_salt, salted
from models.common.signed_acts import SignedAct
from models.common.store.sessions import DatabaseSession
from models.common.store.statements import bound, values_of
from models.tables import AuditContentRow, AuditRow, table_of

WHOLE = 0
"""The part of an entry about the case as a whole."""
_TRAIL, _CONTENTS = table_of(AuditRow), table_of(AuditContentRow)
_PENDING = "audit entries that are written at the commit"
_LOCK = 16
"""Second half of the locks' keys: those of others have another."""

_LOCK_CHAIN = select(func.pg_advisory_xact_lock(func.hashtextextended(bindparam("chain"), _LOCK)))
_HEAD = (
    select(_TRAIL.c.sequence, _TRAIL.c.hash)
    .where(_TRAIL.c.case_no == bindparam("case_no"), _TRAIL.c.part == bindparam("part"))
    .order_by(_TRAIL.c.sequence.desc())
    .limit(1)
)
_ADD_ENTRY = (
    insert(_CONTENTS)
    .values(bound(_CONTENTS, "content_"))
    .add_cte(insert(_TRAIL).values(bound(_TRAIL, "entry_")).cte("trail"))
)
"""Entry and content at once: a round trip less for each step."""


@dataclass(frozen=True)
class _Pending:
    case_no: str
    part: int
    action: str
    by: str
    at: datetime
    rule: str
    act: SignedAct | None
    content: dict[str, Any]
    within: SessionTransaction | None
    update_id: str | None
    once_since: datetime | None = field(default=None)
    """Not written if the part has an entry of the same action by the same since then."""


def audit(
    session: DatabaseSession,
    case_no: str,
    action: str,
    *,
    by: str,
    at: datetime,
    part: int | None = None,
    update_id: str | None = None,
    reason: str = "",
    detail: str = "",
    rule: str = "",
    act: SignedAct | None = None,
    once_since: datetime | None = None,
    **facts: Any,
) -> None:
    """Add an entry, which commits with what it is about.

    `action`, `by` and `rule` are kept for ever and name no person: `by` is an actor (`operator:sk`) or what they are.
    `reason`, `detail` and `facts` can be erased. `act`: the signed operation, kept with the entry if it is by who sent
    it; `update_id`: the operation that it belongs to, whoever has sent it. `once_since`: nothing is added if there is
    such an entry by the same since then.
    """
    synchronous = session.sync_session
    if _PENDING not in session.info:
        session.info[_PENDING] = []
        event.listen(synchronous, "before_commit", _write)
        event.listen(synchronous, "after_soft_rollback", _forget)
    own = act if act is not None and act.by == by else None
    said = {"reason": reason, "detail": detail, "facts": facts} | ({"message": own.message} if own else {})
    content = json.loads(json.dumps({name: value for name, value in said.items() if value}, ensure_ascii=False))
    within = synchronous.get_nested_transaction() or synchronous.get_transaction()
    entry = _Pending(case_no, part or WHOLE, action, by, at, rule, own, content, within, update_id, once_since)
    session.info[_PENDING].append(entry)


def _forget(session: Session, rolled_back: SessionTransaction) -> None:
    """Drop what belongs to a transaction that is rolled back, or to one within it."""
    pending: list[_Pending] = session.info[_PENDING]
    pending[:] = [each for each in pending if not _is_within(each.within, rolled_back)]


def _is_within(transaction: SessionTransaction | None, outer: SessionTransaction) -> bool:
    if outer.parent is None:
        return True
    while transaction is not None and transaction is not outer:
        transaction = transaction.parent
    return transaction is outer


def _write(session: Session) -> None:
    if session.in_nested_transaction():
        return
    pending: list[_Pending] = session.info[_PENDING]
    if not pending:
        return
    chains: dict[tuple[str, int], list[_Pending]] = defaultdict(list)
    for each in pending:
        chains[each.case_no, each.part].append(each)
    pending.clear()
    connection, recorded_at = session.connection(), utc_now()
    for chain in sorted(chains):  # one order for all: no two wait for each other
        _lock(connection, chain)
        _append(connection, chain, chains[chain], recorded_at)


def _lock(connection: Connection, chain: tuple[str, int]) -> None:
    connection.execute(_LOCK_CHAIN, {"chain": f"{chain[0]}:{chain[1]}"})


def _append(connection: Connection, chain: tuple[str, int], pending: Sequence[_Pending], recorded_at: datetime) -> None:
    # After the lock, and as a statement of its own: only then it sees what the one before has committed.
    last = connection.execute(_HEAD, {"case_no": chain[0], "part": chain[1]}).one_or_none()
    sequence, previous = (last.sequence, last.hash) if last else (0, BEGINNING)
    for each in pending:
        if each.once_since and _is_there(connection, each):
            continue
        sequence += 1
        salt = new_salt()
        entry = _entry(each, sequence, previous, recorded_at, commitment_of(salted(each.content, salt)))
        previous = entry.hash()
        place = {"case_no": each.case_no, "part": each.part, "sequence": sequence}
        times = {"happened_at": each.at, "recorded_at": recorded_at}
        row = entry.model_dump() | times | {"hash": previous, "update_id": each.update_id}
        content = {**place, "salt": salt, "content": canonical(each.content).decode()}
        connection.execute(_ADD_ENTRY, values_of("entry_", row) | values_of("content_", content))


def _entry(each: _Pending, sequence: int, previous: str, recorded_at: datetime, commitment: str) -> AuditEntry:
    signed = SignedPart.model_validate(each.act.model_dump(include=set(SignedPart.model_fields))) if each.act else None
    return AuditEntry(
        case_no=each.case_no,
        part=each.part,
        sequence=sequence,
        happened_at=instant(each.at),
        recorded_at=instant(recorded_at),
        action=each.action,
        by=each.by,
        rule=each.rule,
        signed=signed,
        commitment=commitment,
        previous=previous,
    )


def _is_there(connection: Connection, each: _Pending) -> bool:
    there = select(_TRAIL.c.sequence).where(
        _TRAIL.c.case_no == each.case_no,
        _TRAIL.c.part == each.part,
        _TRAIL.c.action == each.action,
        _TRAIL.c.by == each.by,
        _TRAIL.c.happened_at >= each.once_since,
    )
    return connection.execute(there.limit(1)).one_or_none() is not None
