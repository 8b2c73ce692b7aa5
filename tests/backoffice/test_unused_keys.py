"""Each night the keys of what was deleted or kept long enough are forgotten, and no other."""

from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment, WorkflowEnvironment

from activities.backoffice.retention import RetentionActivities
from models.backoffice.data_map import CASE
from models.backoffice.history_summary import HistorySummary
from models.backoffice.store import unused_keys
from models.backoffice.store.unused_keys import KINDS, SETTLED_FOR
from models.common.calendar import utc_now
from models.common.encryption import HOUSE, key_owner
from models.common.store.case_keys import make_case_key
from models.tables import Base, CaseKeyRow
from tests.support.aged_rows import insert_unchecked, row_of
from tests.support.databases import as_role
from tests.support.ending import end
from tests.support.namespaces import new_namespace
from tests.support.web import until
from workers.database_roles import DatabaseRole
from workers.histories import Histories

Sessions = async_sessionmaker[AsyncSession]
NOW = utc_now()
TABLES = {table.name: table for table in Base.metadata.sorted_tables}
ROWS = {
    "draft": ("drafts", "draft_id", uuid4()),
    "registration": ("address_checks", "check_id", uuid4()),
    "password": ("address_checks", "check_id", uuid4()),
    "enquiry": ("enquiries", "receipt_no", "Q7K2-9999"),
    "invitation": ("member_invitations", "invitation_id", uuid4()),
    "refused-form": ("refused_forms", "form_no", 77),
    "webhook": ("webhook_messages", "message_id", "msg_77"),
}
"""A row of each kind that is there, and whose key stays."""


async def read(_: str) -> list[HistorySummary]:
    return []


async def with_keys(sessions: Sessions, *owners: str) -> None:
    """Give these their keys, made long ago."""
    async with sessions.begin() as session:
        for owner in owners:
            await make_case_key(session, owner)
        await session.execute(update(CaseKeyRow).values(made_at=NOW - 2 * SETTLED_FOR))


async def forgotten_by(sessions: Sessions, *still_open: str) -> tuple[int, set[str]]:
    """Run the night's step; return what it says, and whose keys are gone."""

    async def is_open(owner: str) -> bool:
        return owner in still_open

    async with as_role(sessions, DatabaseRole.ERASE) as own:
        activities = RetentionActivities(own, read, is_open, lambda: NOW)
        ended = await ActivityEnvironment().run(activities.forget_unused_keys)
    async with sessions() as session:
        gone = await session.scalars(select(CaseKeyRow.owner).where(CaseKeyRow.wrapped.is_(None)))
        return ended.rows.get("case_keys", 0), set(gone)


async def test_the_key_of_what_was_deleted_is_forgotten_once_nothing_of_it_runs(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.backoffice.store.unused_keys._UNUSED", _a_few_at_a_time())
    deleted = {f"{kind}/{uuid4()}" for kind in ROWS}
    kept = {f"{kind}/{key}" for kind, (_, _, key) in ROWS.items()} | {HOUSE, "application/YS-000001", "myics/MR-000001"}
    await with_keys(sessions, *deleted, *kept)
    async with sessions.kw["bind"].begin() as connection:
        for table, column, key in ROWS.values():
            await insert_unchecked(connection, TABLES[table], row_of(TABLES[table], **{column: key}))
    async with sessions.begin() as session:
        await make_case_key(session, f"draft/{uuid4()}")  # of a moment ago
    still_open = next(iter(deleted))
    assert await forgotten_by(sessions, still_open) == (len(ROWS) - 1, deleted - {still_open})
    assert await forgotten_by(sessions, still_open) == (0, deleted - {still_open})
    assert await forgotten_by(sessions) == (1, deleted)


def _a_few_at_a_time() -> object:
    return text(unused_keys._UNUSED.text.replace("limit 500", "limit 2"))


async def test_the_key_of_a_case_is_forgotten_when_its_period_is_over(sessions: Sessions) -> None:
    barely = timedelta(minutes=1)
    over, young, part_open = ("application/YS-000001", "application/YS-000002", "application/YS-000003")
    myics = "myics/MR-000001"
    await with_keys(sessions, over, young, part_open, myics)
    status = TABLES["case_status"]
    rows = [
        (over, "/office/1", NOW - CASE - barely, "完了"),
        (over, "", NOW - CASE - barely, "完了"),
        (young, "", NOW - CASE + barely, "完了"),
        (part_open, "", NOW - CASE - barely, "完了"),
        (part_open, "/office/1", NOW - CASE - barely, None),
        (myics, "", NOW - CASE - barely, "完了"),
    ]
    async with sessions.kw["bind"].begin() as connection:
        for owner, part, at, outcome in rows:
            row = row_of(status, workflow_id=owner + part, changed_at=at, outcome=outcome)
            await insert_unchecked(connection, status, row)
    assert await forgotten_by(sessions) == (2, {over, myics})


def test_every_kind_of_owner_that_has_a_key_has_an_end() -> None:
    """Whoever makes a key is known here: what it belongs to has an end, too."""
    stores = Path("models").glob("*/store/*.py")
    makers = {path.name for path in stores if "await make_case_key(session" in path.read_text(encoding="utf-8")}
    assert makers == {
        "address_checks.py",
        "batches.py",
        "drafts.py",
        "enquiries.py",
        "intake.py",
        "member_invitations.py",
        "provider_forms.py",
        "publishing.py",
        "requests.py",
    }
    assert set(KINDS) == {*ROWS, "application", "myics"}


async def test_what_is_open_in_temporal_is_known_by_its_id_and_what_begins_with_it(
    temporal: WorkflowEnvironment,
) -> None:
    client: Client = await new_namespace(temporal)
    histories = Histories(client)
    owner = f"draft/{uuid4()}"
    assert key_owner(f"{owner}/1") == owner
    other = await client.start_workflow("Unattended", id=f"{owner}0", task_queue="nobody")
    assert not await histories.is_open(owner)
    own = await client.start_workflow("Unattended", id=f"{owner}/1", task_queue="nobody")

    async def known() -> bool:
        return await histories.is_open(owner)

    await until(known)
    await end(own)

    async def over() -> bool:
        return not await histories.is_open(owner)

    await until(over)
    await end(other)
