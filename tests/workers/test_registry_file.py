"""`tetsuzuki load`: good rows are loaded, bad ones refused one by one, cases' own state is never touched."""

import asyncio
import csv
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from models import tables
from models.common.typed_days import NO_DAY, OTHER_YEAR
from models.yayoi.procedures import Procedure
from tests.support.running import PATIENCE
from workers.registry.file import load
from workers.registry.records import SAME_SETTING

Sessions = async_sessionmaker[AsyncSession]

TOKEN = "b0000002-0000-4000-8000-000000000002"
OTHER_TOKEN = "c0000003-0000-4000-8000-000000000003"
CONTRACT = {
    "record": "contract",
    "contract_id": "8871304",
    "customer_name": "弥生 太郎",
    "mail_address": "taro@example.jp",
    "product_name": "弥生会計 24 ネットワーク",
    "network_product": True,
}
YAYOI_ID = {"record": "yayoi_id", "yayoi_id": "office-a@example.jp", "family_name": "弥生", "given_name": "太郎"}
OTHER_ID = YAYOI_ID | {"yayoi_id": "office-b@example.jp"}
GROUP = {"record": "business_group", "administrator": "office-a@example.jp", "name": "事業グループA"}
OTHER_GROUP = {"record": "business_group", "administrator": "office-b@example.jp", "name": "事業グループB"}
OFFICE = {"record": "office", "office_token": TOKEN, "existing_contract_id": "8871304", "name": "事業所B"}
SHARING = {"record": "sharing", "office_token": TOKEN, "firm": "山田会計事務所"}
LINK = {
    "record": "link",
    "office_token": TOKEN,
    "kind": "bank_account",
    "service": "みずうみ銀行 普通 1234567",
    "last_imported_on": "2026-10-30",
    "settings": {"支店": "本店"},
}
MEMBER = {
    "record": "member",
    "yayoi_id": "office-b@example.jp",
    "group": "office-a@example.jp",
    "administrator": False,
}
MANAGED = OFFICE | {"contract_id": "8871304"}
IN_GROUP = OFFICE | {"group": "office-a@example.jp"}
ALL: list[dict[str, Any]] = [CONTRACT, YAYOI_ID, GROUP, OFFICE, SHARING, LINK]


def write(folder: Path, *rows: dict[str, Any], name: str = "registry.jsonl") -> Path:
    path = folder / name
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    return path


async def only(sessions: Sessions, table: type[tables.Base]) -> Any:
    async with sessions() as session:
        return (await session.scalars(select(table))).one()


async def give_to_a_case(sessions: Sessions) -> None:
    """Leave the office as an application does that has got to the re-link."""
    now = datetime(2026, 11, 4, tzinfo=UTC)
    async with sessions.begin() as session:
        session.add(
            tables.ApplicationRow(
                application_no="YS-000001",
                submission_id="6f1b6f0e-0000-4000-8000-000000000001",
                digest="",
                family_name="弥生",
                given_name="太郎",
                existing_contract_id="8871304",
                accounting_link=True,
                network_product=True,
                procedure=Procedure.LINKED_NETWORK,
                consents={},
                applied_at=now,
                due_date=date(2026, 11, 20),
                alert_on=date(2026, 11, 17),
                expires_on=date(2026, 11, 27),
            )
        )
        await session.flush()
        session.add(
            tables.ApplicationOfficeRow(
                application_no="YS-000001",
                office_no=1,
                yayoi_id="office-b@example.jp",
                office_token=TOKEN,
                office_name="事業所B",
            )
        )
        await session.flush()
        session.add(
            tables.IssuedContractRow(
                contract_id="7000000",
                existing_contract_id="8871304",
                number=1,
                registered_name="弥生 太郎 - 1 (8871304)",
                application_no="YS-000001",
                office_no=1,
                yayoi_id="office-b@example.jp",
                issued_at=now,
            )
        )
        contract = await session.get_one(tables.ExistingContractRow, "8871304")
        contract.issued_count = 1
        office = await session.get_one(tables.OfficeRow, TOKEN)
        office.contract_id, office.frozen_by, office.frozen_at = "7000000", "YS-000001:1", now
        sharing = (await session.scalars(select(tables.SharingRow))).one()
        sharing.ended_at, sharing.ended_for, sharing.released_by_system = now, "YS-000001:1", True
        link = (await session.scalars(select(tables.ServiceLinkRow))).one()
        link.lost_at = now


async def dump(sessions: Sessions) -> dict[str, list[Any]]:
    async with sessions() as session:
        return {
            table.name: sorted(map(repr, await session.execute(select(table))))
            for table in tables.Base.metadata.sorted_tables
        }


async def test_the_same_rows_again_change_nothing(sessions: Sessions, tmp_path: Path) -> None:
    path = write(tmp_path, *ALL)
    assert (await load(sessions, path)).loaded == len(ALL)
    before = await dump(sessions)
    again = await load(sessions, path)
    assert (again.loaded, again.unchanged, again.refused) == (0, len(ALL), ())
    assert await dump(sessions) == before


async def test_changed_rows_update(sessions: Sessions, tmp_path: Path) -> None:
    await load(sessions, write(tmp_path, *ALL))
    report = await load(
        sessions,
        write(
            tmp_path,
            CONTRACT | {"customer_name": "弥生 花子"},
            YAYOI_ID | {"given_name": "花子"},
            GROUP | {"name": "本店"},
            OFFICE | {"name": "支店", "group": "office-a@example.jp", "contract_id": "8871304"},
            SHARING,
            LINK | {"last_imported_on": "2026-10-31"},
        ),
    )
    assert (report.loaded, report.unchanged, report.refused) == (5, 1, ())
    assert (await only(sessions, tables.ExistingContractRow)).customer_name == "弥生 花子"
    assert (await only(sessions, tables.YayoiIdRow)).given_name == "花子"
    group = await only(sessions, tables.BusinessGroupRow)
    office = await only(sessions, tables.OfficeRow)
    assert group.name == "本店"
    assert (office.name, office.group_id, office.contract_id) == ("支店", group.group_id, "8871304")
    assert (await only(sessions, tables.ServiceLinkRow)).last_imported_on == date(2026, 10, 31)


async def test_what_a_case_has_done_is_never_overwritten(sessions: Sessions, tmp_path: Path) -> None:
    path = write(tmp_path, *ALL)
    await load(sessions, path)
    await give_to_a_case(sessions)
    before = await dump(sessions)
    again = await load(sessions, path)
    assert (again.loaded, again.unchanged, again.refused) == (0, len(ALL), ())
    assert await dump(sessions) == before


async def test_a_link_made_again_by_a_case_keeps_its_days(sessions: Sessions, tmp_path: Path) -> None:
    await load(sessions, write(tmp_path, *ALL))
    await give_to_a_case(sessions)
    async with sessions.begin() as session:
        session.add(
            tables.ServiceLinkRow(
                office_token=TOKEN, kind=LINK["kind"], service=LINK["service"], first_covered_on=date(2026, 11, 20)
            )
        )
    before = await dump(sessions)
    assert (await load(sessions, write(tmp_path, *ALL))).unchanged == len(ALL)
    assert await dump(sessions) == before


async def test_an_office_applied_for_stays_with_its_contract(sessions: Sessions, tmp_path: Path) -> None:
    await load(sessions, write(tmp_path, *ALL))
    await give_to_a_case(sessions)
    moved = OFFICE | {"existing_contract_id": "6000001"}
    report = await load(sessions, write(tmp_path, CONTRACT | {"contract_id": "6000001"}, moved))
    assert [refused.line for refused in report.refused] == [2]
    assert (await only(sessions, tables.OfficeRow)).existing_contract_id == "8871304"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (CONTRACT | {"contract_id": "7000000"}, "発行済みのサービス契約ID"),
        (OFFICE | {"office_token": OTHER_TOKEN, "contract_id": "7000000"}, "申込により発行された"),
    ],
)
async def test_y15_an_issued_id_is_never_somebody_elses(
    sessions: Sessions, tmp_path: Path, row: dict[str, Any], reason: str
) -> None:
    await load(sessions, write(tmp_path, *ALL))
    await give_to_a_case(sessions)
    (refused,) = (await load(sessions, write(tmp_path, row))).refused
    assert reason in refused.reason


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([OFFICE], "契約 8871304 が登録されていません"),
        ([GROUP], "弥生ID office-a@example.jp が登録されていません"),
        ([SHARING], f"事業所データ {TOKEN} が登録されていません"),
        ([LINK], f"事業所データ {TOKEN} が登録されていません"),
        ([CONTRACT, OFFICE | {"group": "office-a@example.jp"}], "管理する事業グループが登録されていません"),
        (
            [YAYOI_ID, GROUP, {"record": "member", "yayoi_id": "x@example.jp", "group": "office-a@example.jp"}],
            "administrator: 入力してください。",
        ),
        (
            [YAYOI_ID, GROUP, OTHER_ID, OTHER_GROUP, MEMBER],
            "別の事業グループに参加しています",
        ),
        (
            [YAYOI_ID, GROUP, OTHER_ID, MEMBER, OTHER_GROUP],
            "別の事業グループの利用者です",
        ),
        (
            [YAYOI_ID, GROUP, MEMBER | {"yayoi_id": "office-a@example.jp"}],
            "管理者である必要があります",
        ),
        (
            [CONTRACT, MANAGED, MANAGED | {"office_token": OTHER_TOKEN}],
            "contract_id: 8871304 は別の事業所データで使われています",
        ),
        (
            [YAYOI_ID, GROUP, CONTRACT, IN_GROUP, IN_GROUP | {"office_token": OTHER_TOKEN}],
            "の事業グループは別の事業所データで使われています",
        ),
        ([{"record": "office", "office_token": "x"}], "office_token: 桁数が違います"),
        ([{"record": "customer"}], "record は yayoi_id、business_group"),
        ([YAYOI_ID | {"naem": "x"}], "naem: この項目は受け付けていません"),
        ([YAYOI_ID | {"family_name": "弥\n生"}], "使えない文字（U+000A）"),
        ([YAYOI_ID | {"family_name": "　"}], "family_name: 入力してください。"),
        ([YAYOI_ID | {"family_name": "生" * 201}], "200 文字以内"),
        ([CONTRACT, OFFICE, LINK | {"kind": "bank"}], "kind: bank_account、air_regi、ubi_regi、other のいずれか"),
        ([CONTRACT, OFFICE, LINK | {"last_imported_on": "10/30"}], f"last_imported_on: {NO_DAY}"),
        ([CONTRACT, OFFICE, LINK | {"last_imported_on": "9999-12-31"}], f"last_imported_on: {OTHER_YEAR}"),
        ([CONTRACT, OFFICE, LINK | {"settings": {"支 店": "本店", "支　店": "支店"}}], f"settings: {SAME_SETTING}"),
        ([CONTRACT, OFFICE, LINK | {"settings": '{"支店": "本店", "支店": "支店"}'}], "settings: 項目の組"),
    ],
)
async def test_a_bad_row_is_refused_with_its_line_and_the_others_are_loaded(
    sessions: Sessions, tmp_path: Path, rows: list[dict[str, Any]], reason: str
) -> None:
    good_after = YAYOI_ID | {"yayoi_id": "last@example.jp"}
    report = await load(sessions, write(tmp_path, *rows, good_after))
    (refused,) = report.refused
    assert refused.line == len(rows)
    assert reason in refused.reason
    assert report.loaded == len(rows)  # all but the refused one, and the one after it
    async with sessions() as session:
        assert await session.scalar(tables.YayoiIdRow.of("last@example.jp"))


async def test_y8_rows_are_stored_in_one_form(sessions: Sessions, tmp_path: Path) -> None:
    typed = YAYOI_ID | {"yayoi_id": " Ｏｆｆｉｃｅ－Ａ＠Example.JP ", "family_name": " 弥生　"}
    assert (await load(sessions, write(tmp_path, typed))).loaded == 1
    assert (await load(sessions, write(tmp_path, YAYOI_ID))).unchanged == 1


@pytest.mark.robustness("tables")
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932", "utf-16"])
async def test_csv_says_the_same_as_json(sessions: Sessions, tmp_path: Path, encoding: str) -> None:
    await load(sessions, write(tmp_path, *ALL))
    before = await dump(sessions)
    columns = ["note", *dict.fromkeys(column for row in ALL for column in row)]
    path = tmp_path / "registry.CSV"
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        for row in ALL:
            cells = {name: json.dumps(cell) if isinstance(cell, dict) else cell for name, cell in row.items()}
            writer.writerow(cells | {"note": "二行に\nわたるメモ"})
    again = await load(sessions, path)
    assert (again.loaded, again.unchanged, again.refused) == (0, len(ALL), ())
    assert await dump(sessions) == before


@pytest.mark.robustness("tables")
@pytest.mark.parametrize("indent", [None, 1, 4], ids=["one line", "pretty", "prettier"])
async def test_an_ordinary_json_list_is_read_however_it_is_laid_out(
    sessions: Sessions, tmp_path: Path, indent: int | None
) -> None:
    path = tmp_path / "registry.json"
    path.write_text(json.dumps(ALL, ensure_ascii=False, indent=indent), encoding="utf-8")
    report = await load(sessions, path)
    assert (report.loaded, report.refused) == (len(ALL), ())


@pytest.mark.robustness("tables")
@pytest.mark.parametrize(
    ("content", "refused"),
    [
        (b"name,mail\nx,y\n", {1: "record の列がありません"}),
        (b"record,name,name\nx,y,z\n", {1: "「name」が 2 つ"}),
        (b"record,name\noffice,a,b\n\n,\nx,\n", {2: "列の数", 5: "record は yayoi_id"}),
        (b'record,note\n"x"y,z\nx,"1\n2"\nx,\n', {2: "引用符", 3: "record は", 5: "record は"}),
        (b'record,note\nx,1\nx,"2\nx,3\n', {2: "record は", 3: "この行から最後まで"}),
        ("record,note\nx,弥生\nx,".encode() + b"\x90\xb6\nx,\n", {2: "record は", 3: "UTF-8", 4: "record は"}),
        ("record,note\nx,ｱｲ\n".encode("cp932"), {1: "Shift_JIS か EUC-JP か"}),
        (b"record,note\nx,\x00\nx,\n\x1a", {2: "U+0000", 3: "record は"}),
        (b"PK\3\4", {1: "CSV"}),
    ],
)
async def test_a_broken_csv_is_refused_by_line(
    sessions: Sessions, tmp_path: Path, content: bytes, refused: dict[int, str]
) -> None:
    path = tmp_path / "registry.csv"
    path.write_bytes(content)
    report = await load(sessions, path)
    assert [row.line for row in report.refused] == list(refused)
    assert all(reason in row.reason for row, reason in zip(report.refused, refused.values(), strict=True))


@pytest.mark.robustness("tables")
@pytest.mark.parametrize(
    ("content", "refused"),
    [
        (b"[\n]\n", []),
        (b"", []),
        (b"[{}\n, 1,\n\n nonsense,\n]", [1, 2, 4]),
        ("弥生".encode("cp932"), [1]),
        (b'{"record": "yayoi_id", "note": "' + b"x" * 1_000_000 + b'"}\n{}', [1, 2]),
        (b'[\n  {\n    "record": "x"\n  },\n  {\n    "record" "y"\n  },\n  {\n  }\n]\n', [2, 5, 8]),
        (b'{"record": "x"\n{"record": "y", "record": "z"}\n{"note": NaN}\n]', [1, 2, 3, 4]),
        (b"[" * 100_000, [1]),
    ],
)
async def test_a_broken_json_is_refused_by_line(
    sessions: Sessions, tmp_path: Path, content: bytes, refused: list[int]
) -> None:
    path = tmp_path / "registry.json"
    path.write_bytes(content)
    report = await load(sessions, path)
    assert [row.line for row in report.refused] == refused


async def test_two_loads_at_once_load_every_row_once(sessions: Sessions, tmp_path: Path) -> None:
    ids = [YAYOI_ID | {"yayoi_id": f"id-{number}@example.jp"} for number in range(700)]
    path = write(tmp_path, *ALL, *ids)
    reports = await asyncio.gather(load(sessions, path), load(sessions, path))
    assert sum(report.loaded for report in reports) == len(ALL) + len(ids)
    assert not any(report.refused for report in reports)


async def somebody_waits(sessions: Sessions) -> bool:
    async with sessions() as session:
        return bool(await session.scalar(text("select count(*) from pg_locks where not granted")))


async def test_a_row_added_by_somebody_else_at_the_same_moment_is_there_already(
    sessions: Sessions, tmp_path: Path
) -> None:
    async with sessions() as other, asyncio.timeout(PATIENCE):
        other.add(tables.YayoiIdRow(yayoi_id="office-a@example.jp", family_name="弥生", given_name="太郎"))
        await other.flush()
        loading = asyncio.create_task(load(sessions, write(tmp_path, YAYOI_ID, OTHER_ID)))
        while not await somebody_waits(sessions):  # noqa: ASYNC110 until the load wants to add the same row
            await asyncio.sleep(0.05)
        await other.commit()
        report = await loading
    assert (report.loaded, report.unchanged, report.refused) == (1, 1, ())


async def test_a_load_waits_for_a_case_that_is_changing_the_office(sessions: Sessions, tmp_path: Path) -> None:
    await load(sessions, write(tmp_path, *ALL))
    async with sessions() as case, asyncio.timeout(PATIENCE):
        office = await case.get_one(tables.OfficeRow, TOKEN, with_for_update=True)
        loading = asyncio.create_task(load(sessions, write(tmp_path, OFFICE | {"name": "支店"})))
        while not await somebody_waits(sessions):  # noqa: ASYNC110 until the load wants the office
            await asyncio.sleep(0.05)
        office.frozen_by = "YS-000001:1"
        await case.commit()
    assert (await loading).loaded == 1
    row = await only(sessions, tables.OfficeRow)
    assert (row.name, row.frozen_by) == ("支店", "YS-000001:1")


async def test_progress_ends_at_the_size_of_the_file(sessions: Sessions, tmp_path: Path) -> None:
    rows = [YAYOI_ID | {"yayoi_id": f"id-{number}@example.jp"} for number in range(1_200)]
    path = write(tmp_path, *rows)
    with path.open("a", encoding="utf-8") as file:
        file.write("\n\n")
    done: list[int] = []
    report = await load(sessions, path, done.append)
    assert report.loaded == len(rows)
    assert len(done) == 4  # three batches, and the end
    assert done == sorted(done)
    assert done[-1] == path.stat().st_size
    async with sessions() as session:
        assert await session.scalar(select(func.count()).select_from(tables.YayoiIdRow)) == len(rows)


OPERATOR = {"record": "operator", "handle": "sk", "name": "佐藤", "mail_address": "sato@example.jp"}


async def test_an_operator_is_loaded_and_changed_by_loading_again(sessions: Sessions, tmp_path: Path) -> None:
    assert (await load(sessions, write(tmp_path, OPERATOR))).loaded == 1
    on_leave = OPERATOR | {"roles": "supervisor, auditor", "leave_from": "2026-11-01", "leave_until": "2026-11-10"}
    assert (await load(sessions, write(tmp_path, on_leave))).loaded == 1
    assert (await load(sessions, write(tmp_path, on_leave))).unchanged == 1
    async with sessions() as session:
        [operator] = await session.scalars(select(tables.OperatorRow).where(tables.OperatorRow.supervisor))
    assert (operator.name, operator.roles, operator.takes_cases) == ("佐藤", ["supervisor", "auditor"], True)
    assert operator.supervisor
    days = (date(2026, 10, 31), date(2026, 11, 1), date(2026, 11, 10), date(2026, 11, 11))
    assert [operator.is_on_leave(day) for day in days] == [False, True, True, False]


async def test_a_file_leaves_roles_and_leave_as_they_are_that_it_does_not_mention(
    sessions: Sessions, tmp_path: Path
) -> None:
    here = {"roles": ["administrator"], "takes_cases": False, "leave_from": "2026-11-01", "leave_until": "2026-11-10"}
    await load(sessions, write(tmp_path, OPERATOR | here))
    report = await load(sessions, write(tmp_path, OPERATOR | {"name": "佐藤 花子"}))
    assert (report.loaded, report.refused) == (1, ())
    async with sessions() as session:
        [row] = await session.scalars(select(tables.OperatorRow))
    assert (row.name, row.roles, row.takes_cases) == ("佐藤 花子", ["administrator"], False)
    assert (row.leave_from, row.leave_until) == (date(2026, 11, 1), date(2026, 11, 10))


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"handle": "s"}, "handle"),
        ({"handle": "佐藤"}, "handle"),
        ({"handle": "other"}, "別の handle の担当者"),
        ({"roles": "chief"}, "caseworker、supervisor、auditor、administrator のいずれか"),
    ],
)
async def test_an_operator_is_refused_whose_handle_name_or_role_is_wrong(
    sessions: Sessions, tmp_path: Path, wrong: dict[str, str], why: str
) -> None:
    await load(sessions, write(tmp_path, OPERATOR))
    [refused] = (await load(sessions, write(tmp_path, OPERATOR | wrong))).refused
    assert why in refused.reason


@pytest.mark.parametrize("leave", [{"leave_until": "2026-11-10"}, {"leave_from": "2026-11-11"}], ids=["no day", "late"])
async def test_a_leave_that_ends_before_it_begins_is_refused(
    sessions: Sessions, tmp_path: Path, leave: dict[str, str]
) -> None:
    report = await load(sessions, write(tmp_path, OPERATOR | {"leave_until": "2026-11-10"} | leave))
    [refused] = report.refused
    assert "leave_from" in refused.reason


@pytest.mark.parametrize("name", ["O'Hara", 'a "b"', "a\\b"])
async def test_an_operators_name_that_would_end_the_quotes_of_a_query_is_refused(
    sessions: Sessions, tmp_path: Path, name: str
) -> None:
    [refused] = (await load(sessions, write(tmp_path, OPERATOR | {"name": name}))).refused
    assert "引用符" in refused.reason


async def test_an_office_moves_to_a_contract_and_a_group_of_the_same_file(sessions: Sessions, tmp_path: Path) -> None:
    await load(sessions, write(tmp_path, *ALL))
    moved = OFFICE | {"existing_contract_id": "6000001", "group": "office-b@example.jp"}
    report = await load(sessions, write(tmp_path, CONTRACT | {"contract_id": "6000001"}, OTHER_ID, OTHER_GROUP, moved))
    assert (report.loaded, report.refused) == (4, ())
    assert (await only(sessions, tables.OfficeRow)).existing_contract_id == "6000001"
