"""The audit trail: chained without a gap whoever writes at once, with nothing of what was rolled back."""

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, select, text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from models.common.audit_trail import BEGINNING, AuditEntry, SignedPart, instant
from models.common.commitments import commitment_of, salted
from models.common.store.audit import audit
from models.tables import AuditContentRow, AuditRow
from tests.support.databases import as_role
from workers.database_roles import DatabaseRole

CASE = "YS-000001"
AT = datetime(2026, 11, 4, 1, 2, 3, 456, UTC)
Sessions = async_sessionmaker[AsyncSession]


def entry_of(row: AuditRow) -> AuditEntry:
    fields = {name: getattr(row, name) for name in AuditEntry.model_fields}
    times = {"happened_at": instant(row.happened_at), "recorded_at": instant(row.recorded_at)}
    return AuditEntry(**fields | times | {"signed": SignedPart(**row.signed) if row.signed else None})


async def trail(sessions: Sessions, part: int = 0) -> Sequence[AuditRow]:
    """The entries of a part, each checked against the one before and against what it is about."""
    async with sessions() as session:
        of_part = select(AuditRow).filter_by(case_no=CASE, part=part).order_by(AuditRow.sequence)
        rows = (await session.scalars(of_part)).all()
    previous = BEGINNING
    for sequence, row in enumerate(rows, start=1):
        assert (row.sequence, row.previous) == (sequence, previous)
        previous = row.hash
        assert entry_of(row).hash() == row.hash
        if row.content_row:
            assert commitment_of(salted(json.loads(row.content_row.content), row.content_row.salt)) == row.commitment
    return rows


async def test_whoever_writes_at_once_the_parts_are_chained_and_nobody_waits_for_each_other(sessions: Sessions) -> None:
    async def write(number: int) -> None:
        async with sessions.begin() as session:
            for part in (1, 2, None) if number % 2 else (None, 2, 1):
                audit(
                    session, CASE, f"action {number}", by="system", at=AT, part=part, reason=f"{number}", fact=[number]
                )

    await asyncio.gather(*map(write, range(12)))
    for part in (0, 1, 2):
        rows = await trail(sessions, part)
        assert sorted(row.action for row in rows) == sorted(f"action {number}" for number in range(12))
        assert all(row.action == f"action {row.reason}" and row.facts == {"fact": [int(row.reason)]} for row in rows)


async def test_what_is_rolled_back_is_in_no_entry_also_of_a_part_of_a_transaction(sessions: Sessions) -> None:
    async with sessions() as session:
        audit(session, CASE, "before anything", by="system", at=AT)
        await session.execute(text("select 1"))
        await session.rollback()
        audit(session, CASE, "first", by="system", at=AT)
        async with session.begin_nested():
            audit(session, CASE, "second", by="system", at=AT)
        async with session.begin_nested() as rolled_back:
            audit(session, CASE, "never", by="system", at=AT)
            async with session.begin_nested():
                audit(session, CASE, "nor this", by="system", at=AT)
            await rolled_back.rollback()
        audit(session, CASE, "third", by="system", at=AT)
        await session.commit()
        audit(session, CASE, "fourth", by="system", at=AT)
        await session.commit()
    assert [row.action for row in await trail(sessions)] == ["first", "second", "third", "fourth"]


async def test_an_entry_that_is_to_be_there_once_since_some_time_is(sessions: Sessions) -> None:
    for hours in (0, 1, 23, 24, 25):
        async with sessions.begin() as session:
            at = AT + timedelta(hours=hours)
            since = AT if hours < 24 else AT + timedelta(hours=24)
            audit(session, CASE, "read", by="operator:kn", at=at, once_since=since)
            audit(session, CASE, "read", by="operator:xy", at=at, once_since=since)
    rows = await trail(sessions)
    assert [(row.by, row.happened_at - AT) for row in rows] == [
        (by, timedelta(hours=hours)) for hours in (0, 24) for by in ("operator:kn", "operator:xy")
    ]


async def test_what_an_entry_is_about_is_erased_by_its_role_alone_and_the_chain_goes_on(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        audit(session, CASE, "corrected", by="operator:sk", at=AT, reason="弥生 太郎様のお電話")
    async with as_role(sessions, DatabaseRole.ERASE) as own, own.begin() as session:
        await session.execute(delete(AuditContentRow))
    async with as_role(sessions, DatabaseRole.WORKER) as own, own.begin() as session:
        audit(session, CASE, "closed", by="system", at=AT)
    erased, closed = await trail(sessions)
    assert (erased.content, erased.reason, erased.facts) == ({}, "", {})
    assert (closed.action, closed.previous) == ("closed", erased.hash)
