"""The combination ledger: who sees what, and files that are what they seem (Y22)."""

import csv
import io
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.testing import WorkflowEnvironment

from models.common.calendar import BusinessCalendar
from models.common.table_files import as_it_was
from models.yayoi.application_form import ApplicationForm
from models.yayoi.combination_ledger import HEADINGS, LedgerEntry, Reader, as_csv, visible
from models.yayoi.store.combinations import ledger_of
from models.yayoi.store.intake import Intake
from tests.support.environment import OFFICE_B, OFFICE_C, YAYOI, form
from tests.support.pdf_pages import pdf_text
from tests.support.web import TOKEN_C, answering, application, end_cases, fill_registry, pair, web_on
from workers import examples
from workers.registry.file import load

NONE_YET = "（まだありません）"
NUMBERS = st.sampled_from(["8871304", "6000001"])
IDS = st.sampled_from(["a@x.jp", "b@x.jp", "c@x.jp"])
GROUPS = st.none() | st.integers(1, 3)
ENTRIES = st.lists(
    st.builds(
        LedgerEntry,
        existing_contract_id=NUMBERS,
        office_name=st.just("事業所"),
        group_id=GROUPS,
        group_name=st.just("グループ"),
        yayoi_id=st.none() | IDS,
        contract_id=st.none() | NUMBERS | st.just("7000001"),
    )
)


@given(ENTRIES, st.builds(Reader, yayoi_id=IDS, group_id=GROUPS, administrator=st.booleans()))
def test_y22_nobody_sees_what_is_not_theirs(entries: list[LedgerEntry], reader: Reader) -> None:
    def own(entry: LedgerEntry) -> bool:
        return entry.yayoi_id == reader.yayoi_id or (reader.group_id is not None and entry.group_id == reader.group_id)

    shown = visible(entries, reader)
    assert all(entry in shown for entry in entries if own(entry))
    for entry in shown:
        customers = [
            other
            for other in entries
            if other.existing_contract_id == entry.existing_contract_id == other.contract_id and own(other)
        ]
        assert own(entry) or (reader.administrator and customers)


@given(st.lists(st.builds(LedgerEntry, existing_contract_id=NUMBERS, office_name=st.text(), group_name=st.text())))
def test_y22_no_cell_of_the_file_is_a_formula(entries: list[LedgerEntry]) -> None:
    content = as_csv(entries)
    assert content.startswith(b"\xef\xbb\xbf")  # spreadsheets read it as UTF-8
    heads, *rows = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    assert tuple(heads) == HEADINGS
    assert len(rows) == len(entries)
    for row, entry in zip(rows, entries, strict=True):
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")) for cell in row)
        assert [as_it_was(cell) for cell in row] == [*entry.cells]


@pytest_asyncio.fixture
async def sessions_with_registry(
    sessions: async_sessionmaker[AsyncSession],
) -> AsyncIterator[async_sessionmaker[AsyncSession]]:
    await load(sessions, examples.registry())
    yield sessions


async def ledger(sessions: async_sessionmaker[AsyncSession], yayoi_id: str) -> list[tuple[str, ...]]:
    return [entry.cells for entry in await ledger_of(sessions, yayoi_id)]


async def apply(sessions: async_sessionmaker[AsyncSession], application: ApplicationForm) -> None:
    await Intake(sessions, BusinessCalendar()).receive(application)


A, B, C = "office-a@yayoi-taro.example.jp", OFFICE_B[0], OFFICE_C[0]


async def test_y22_the_customer_sees_everything_on_the_contract(
    sessions_with_registry: async_sessionmaker[AsyncSession],
) -> None:
    await apply(sessions_with_registry, form([OFFICE_B]))
    assert await ledger(sessions_with_registry, A) == [
        ("事業所A", "事業グループA", A, YAYOI, YAYOI),
        ("事業所B", NONE_YET, B, NONE_YET, YAYOI),
        ("事業所C", NONE_YET, NONE_YET, NONE_YET, YAYOI),
    ]


async def test_y22_a_pairs_own_id_sees_its_pair_alone(
    sessions_with_registry: async_sessionmaker[AsyncSession],
) -> None:
    assert await ledger(sessions_with_registry, B) == []
    await apply(sessions_with_registry, form([OFFICE_B, OFFICE_C]))
    assert await ledger(sessions_with_registry, B) == [("事業所B", NONE_YET, B, NONE_YET, YAYOI)]
    assert await ledger(sessions_with_registry, C) == [("事業所C", NONE_YET, C, NONE_YET, YAYOI)]


async def test_y22_strangers_see_nothing_of_it(sessions_with_registry: async_sessionmaker[AsyncSession]) -> None:
    [entry] = await ledger(sessions_with_registry, "office-1@shiraishi.example.co.jp")
    assert entry[-1] == "6000002"
    assert await ledger(sessions_with_registry, "nobody@example.jp") == []


@pytest.mark.robustness("tables")
@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "　＝1", "\n=1", "＠a", "'=1"])
def test_y22_names_that_look_like_formulas_stay_names(name: str) -> None:
    [_, row] = csv.reader(io.StringIO(as_csv([LedgerEntry("8871304", name)]).decode("utf-8-sig"), newline=""))
    assert row[0] == f"'{name}"


async def test_y22_an_application_with_anothers_yayoi_id_shows_nothing_of_theirs(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment
) -> None:
    """Whoever knows a contract's number and a mail address may apply, and gets the link of that application."""
    await load(sessions, examples.registry())
    async with web_on(sessions, temporal.client) as web, answering(web):
        applied = await web.apply(application(pair(A, None), existing_contract_id=YAYOI, accounting_link=False))
        address = urlsplit(applied.json()["status_url"])
        file = await web.http.get(f"{address.path}/ledger.csv?{address.query}")
        [_, row] = csv.reader(io.StringIO(file.content.decode("utf-8-sig"), newline=""))
        assert row == ["事業所データ1", NONE_YET, A, NONE_YET, YAYOI]
        await end_cases(web, temporal.client)


async def test_y22_an_applicants_link_shows_the_pairs_of_that_application_alone(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment
) -> None:
    await fill_registry(sessions)
    async with web_on(sessions, temporal.client) as web, answering(web):
        mine = await web.apply(application(pair()))
        other = await web.apply(application(pair("c@example.co.jp", TOKEN_C)))
        address = urlsplit(mine.json()["status_url"])
        page = await web.http.get(f"{address.path}/ledger?{address.query}")
        assert page.status_code == 200
        assert "B 商店" in page.text
        assert "C 商店" not in page.text
        # A part must not be taken for the whole, and leads there.
        number = mine.json()["application_no"]
        assert f"お申し込み {number} の事業所データだけを表示しています。" in page.text
        assert 'href="/ledger"' in page.text.partition("<h1>")[2]
        csv_file, pdf_file = [
            await web.http.get(f"{address.path}/ledger.{kind}?{address.query}") for kind in ("csv", "pdf")
        ]
        assert "B 商店" in csv_file.content.decode("utf-8-sig")
        assert "C 商店" not in csv_file.content.decode("utf-8-sig")
        assert pdf_file.content.startswith(b"%PDF")
        assert pdf_file.headers["content-disposition"].startswith("attachment")
        assert all(
            f"combination-ledger-{number}-" in file.headers["content-disposition"] for file in (csv_file, pdf_file)
        )
        assert f"お申し込み {number} の" in pdf_text(pdf_file.content)
        others = urlsplit(other.json()["status_url"])
        for kind in ("", ".csv", ".pdf"):
            assert (await web.http.get(f"{others.path}/ledger{kind}?{address.query}")).status_code == 404
        await end_cases(web, temporal.client)
