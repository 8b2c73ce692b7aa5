"""What is stored, and waits for more than an hour to be taken up, is in the daily report, whatever it is."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from activities.backoffice.waiting_rows import NOTIFIED, STARTED, waiting_rows
from models.backoffice.reconciliation import FindingKind
from models.tables import (
    ApplicationRow,
    Base,
    MyicsBatchRow,
    MyicsRegistrationRow,
    NotifiedRow,
    RefusedFormRow,
    WebhookMessageRow,
    table_of,
)
from tests.support.aged_rows import insert_unchecked, row_of

NOW = datetime(2026, 11, 4, 3, 0, tzinfo=UTC)
LONG_AGO, JUST_NOW = NOW - timedelta(minutes=61), NOW - timedelta(minutes=59)
BACKLOG = pytest.mark.robustness("backlog")
BY_THEMSELVES = {ApplicationRow, MyicsRegistrationRow, MyicsBatchRow}
"""What the reconciliation names case by case (`test_reconciliation.py`)."""
STARTED_ONCE = {RefusedFormRow: "受け付けられなかったフォーム", WebhookMessageRow: "ほかのシステムへの通知"}


@BACKLOG
def test_every_table_that_waits_for_a_procedure_is_looked_at() -> None:
    tables = {mapper.class_ for mapper in Base.registry.mappers}
    notified = {each for each in tables if issubclass(each, NotifiedRow)}
    assert notified - BY_THEMSELVES == NOTIFIED.keys()
    started = {each for each in tables if "started_at" in table_of(each).c}
    assert started - BY_THEMSELVES == STARTED_ONCE.keys()
    assert set(STARTED_ONCE.values()) == STARTED.keys()


@BACKLOG
@pytest.mark.parametrize("table", NOTIFIED, ids=lambda table: table.__tablename__)
async def test_what_nobody_was_notified_of_for_an_hour_is_reported(
    sessions: async_sessionmaker[AsyncSession], table: type[NotifiedRow]
) -> None:
    engine: AsyncEngine = sessions.kw["bind"]
    async with engine.begin() as connection:
        for changed, notified in (
            (LONG_AGO, None),  # not started
            (LONG_AGO, LONG_AGO - timedelta(days=1)),  # has changed since
            (LONG_AGO, LONG_AGO),
            (LONG_AGO, NOW),
            (JUST_NOW, None),
            (JUST_NOW, LONG_AGO),
        ):
            row = row_of(table_of(table), changed_at=changed) | {"notified_at": notified}
            await insert_unchecked(connection, table_of(table), row)
    async with sessions() as session:
        [finding] = await waiting_rows(session, NOW)
    assert (finding.kind, finding.repair) == (FindingKind.WAITING, None)
    assert finding.detail.startswith(f"{NOTIFIED[table]} 2 件が、手続きに伝わっていません")
    assert "最も古いものは 2026-11-04 10:59" in finding.detail


@BACKLOG
@pytest.mark.parametrize("table", STARTED_ONCE, ids=lambda table: table.__tablename__)
async def test_what_nobody_has_started_for_an_hour_is_reported(
    sessions: async_sessionmaker[AsyncSession], table: type[RefusedFormRow | WebhookMessageRow]
) -> None:
    engine: AsyncEngine = sessions.kw["bind"]
    stored = "received_at" if table is RefusedFormRow else "stored_at"
    async with engine.begin() as connection:
        for at, started in ((LONG_AGO, None), (LONG_AGO, NOW), (JUST_NOW, None)):
            row = row_of(table_of(table)) | {stored: at, "started_at": started, "settled_at": None}
            await insert_unchecked(connection, table_of(table), row)
    async with sessions() as session:
        [finding] = await waiting_rows(session, NOW)
    assert finding.detail.startswith(f"{STARTED_ONCE[table]} 1 件が")
