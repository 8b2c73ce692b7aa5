"""The data map says what there is, and retention ends what it says, and nothing else."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table, select, text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from models.backoffice.data_map import CLOSED_STAGE, Ending, Json, Whose
from models.backoffice.data_map_document import DATA_MAP, document
from models.backoffice.own_data import OWN
from models.backoffice.store.retention import end_what_was_kept_long_enough
from models.myics.batches import BatchStage
from models.myics.registrations import RegistrationStage
from models.tables import Base
from models.yayoi.address_checks import CheckStage
from models.yayoi.enquiries import EnquiryStage
from models.yayoi.member_invitations import InvitationStage
from models.yayoi.procedures import ApplicationStage, Stage
from tests.support.aged_rows import insert_unchecked, row_of
from tests.support.databases import as_role
from tests.support.matrices import mostly_long
from workers.database_roles import GRANTS, DatabaseRole, Statement

NOW = datetime(2036, 1, 1, tzinfo=UTC)
BARELY = timedelta(minutes=1)
TABLES = {table.name: table for table in Base.metadata.sorted_tables}
ENDED = sorted(name for name, kept in DATA_MAP.items() if kept.ends)
Sessions = async_sessionmaker[AsyncSession]


async def test_it_has_every_table_and_column_of_a_migrated_database_and_no_other(sessions: Sessions) -> None:
    columns = text(
        "select table_name, column_name, data_type from information_schema.columns where table_schema = 'public'"
    )
    async with sessions() as session:
        there = {(table, column): kind for table, column, kind in await session.execute(columns)}
    there = {place: kind for place, kind in there.items() if place[0] != "alembic_version"}
    mapped = {(name, column) for name, kept in DATA_MAP.items() for column in (*kept.numbers.split(), *kept.persons)}
    assert mapped == set(there)
    listed = [(name, column) for name, kept in DATA_MAP.items() for column in (*kept.numbers.split(), *kept.persons)]
    assert len(listed) == len(mapped)
    json = {place for place, kind in there.items() if kind == "jsonb"} | {("audit_contents", "content")}
    assert json == {
        (name, column)
        for name, kept in DATA_MAP.items()
        for column, whose in kept.persons.items()
        if isinstance(whose, Json)
    }


@pytest.mark.parametrize(
    "stages", [Stage, ApplicationStage, RegistrationStage, BatchStage, CheckStage, InvitationStage, EnquiryStage]
)
def test_every_procedure_of_a_case_calls_its_last_stage_the_same(stages: type[StrEnum]) -> None:
    assert [stage for stage in stages if stage.name == "CLOSED"] == [CLOSED_STAGE]


def test_the_document_is_made_from_it() -> None:
    assert Path("docs/data-map.md").read_text(encoding="utf-8") == document()


def test_what_is_somebodys_has_an_end_or_says_why_it_has_none() -> None:
    for name, kept in DATA_MAP.items():
        outside = {whose if isinstance(whose, Whose) else whose.whose for whose in kept.persons.values()} - {
            Whose.NOBODY
        }
        assert kept.ends or not outside or "as long as" in kept.kept or "until" in kept.kept, name
        if kept.ends and kept.ends.blank:
            assert set(kept.ends.blank) <= set(kept.persons), name


def test_the_role_that_ends_it_may_do_what_the_statements_do_and_nothing_else() -> None:
    wanted: dict[str, set[Statement]] = {name: set() for name in DATA_MAP}
    for name, kept in DATA_MAP.items():
        if kept.ends:
            wanted[name].add(Statement.UPDATE if kept.ends.blank else Statement.DELETE)
    for own in OWN:
        wanted[own.table].add(Statement.UPDATE if own.blank else Statement.DELETE)
    for name in ("erasure_requests", "case_keys"):
        wanted[name].add(Statement.UPDATE)
    for name in ("audit_trail", "audit_contents"):
        wanted[name].add(Statement.INSERT)
    granted = {name: set(of_roles[DatabaseRole.ERASE]) - {Statement.SELECT} for name, of_roles in GRANTS.items()}
    assert granted == wanted


def rows_for(
    name: str, ends: Ending, at: datetime, case_no: str, *, closed: bool = True
) -> list[tuple[Table, dict[str, Any]]]:
    """A row whose period began at this time, with what the statement looks at beside it."""
    table, status = TABLES[name], TABLES["case_status"]
    of_case = {column: case_no for column in ("case_no", "application_no") if column in table.c}
    if name == "case_status":
        return [(table, row_of(table, case_no=case_no, changed_at=at, outcome="done" if closed else None))]
    if ends.of_case:
        beside = row_of(status, case_no=case_no, changed_at=at, outcome="done" if closed else None)
        key = {"key": f"{case_no}:1:step"} if name == "ledger" else {}
        return [(status, beside), (table, row_of(table, **of_case, **key))]
    row = row_of(table, **of_case)
    if ends.since in table.c:
        row[ends.since] = at
        return [(table, row)]
    match name:
        case "audit_contents":
            place = {column: row[column] for column in ("case_no", "part", "sequence")}
            return [(TABLES["audit_trail"], row_of(TABLES["audit_trail"], **place, recorded_at=at)), (table, row)]
        case "bulk_lines":
            action = row_of(TABLES["bulk_actions"], bulk_id=row["bulk_id"], chosen_at=at)
            return [(TABLES["bulk_actions"], action), (table, row)]
        case "support_passwords":
            contract = row_of(TABLES["issued_contracts"], contract_id="7000001", revoked_at=at)
            contract["contract_id"] = row["contract_id"] = f"7{len(case_no) + int(case_no[-6:]):06d}"
            return [(TABLES["issued_contracts"], contract), (table, row)]
        case "myics_batch_lines":
            return [
                (TABLES["myics_batches"], row_of(TABLES["myics_batches"], batch_no=row["batch_no"], closed_at=at)),
                (table, row),
            ]
    raise AssertionError(name)


async def everything(sessions: Sessions, name: str) -> list[Mapping[str, Any]]:
    table = TABLES[name]
    async with sessions() as session:
        found = await session.execute(select(table).order_by(*table.primary_key.columns))
        return [dict(row) for row in found.mappings()]


@pytest.mark.parametrize("name", mostly_long(ENDED, each_time=[*ENDED][::3]))
async def test_what_was_kept_long_enough_is_gone_and_nothing_else(sessions: Sessions, name: str) -> None:
    ends = DATA_MAP[name].ends
    assert ends
    engine = sessions.kw["bind"]
    old, young = NOW - ends.period - BARELY, NOW - ends.period + BARELY
    cases = [("YS-000001", old, True), ("YS-000002", young, True)] + (
        [("YS-000003", old, False)] if ends.of_case else []
    )
    async with engine.begin() as connection:
        for case_no, at, closed in cases:
            for table, row in rows_for(name, ends, at, case_no, closed=closed):
                if table.name == "issued_contracts" and name == "issued_contracts":
                    row["contract_id"] = f"7{int(case_no[-6:]):06d}"
                await insert_unchecked(connection, table, row)
    before = await everything(sessions, name)
    async with as_role(sessions, DatabaseRole.ERASE) as own:
        ended = await end_what_was_kept_long_enough(own, NOW)
        assert ended[name] == 1
        after = await everything(sessions, name)
        assert name not in await end_what_was_kept_long_enough(own, NOW)
    if ends.blank:
        changed = [(was, now) for was, now in zip(before, after, strict=True) if was != now]
        [(was, now)] = changed
        assert {column for column in was if was[column] != now[column]} <= set(ends.blank)
    else:
        assert [row for row in before if row not in after] == [row for row in before if row not in after][:1]
        assert len(after) == len(before) - 1
