"""The applications that a Yayoi ID sees once it is signed in: never more than its combination ledger shows (Y22)."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime

import pytest
import pytest_asyncio
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.testing import WorkflowEnvironment

from models.common.calendar import BusinessCalendar
from models.tables import ApplicationOfficeRow, ApplicationRow, YayoiIdRow
from models.yayoi.application_form import ApplicationForm
from models.yayoi.identifiers import ContractId, YayoiId
from models.yayoi.procedures import SetUpStep, Stage
from models.yayoi.store import own_applications as store
from models.yayoi.store.combinations import ledger_of
from models.yayoi.store.confirmations import begin_waiting
from models.yayoi.store.intake import Intake
from models.yayoi.store.own_applications import own_applications, own_office
from tests.support.environment import OFFICE_B, OFFICE_C, form
from tests.support.web import Web, end_cases, text_of, web_on
from web.yayoi.customer.pair_page import STEP_PATHS
from workers import examples
from workers.registry.file import load

A, B, C = "office-a@yayoi-taro.example.jp", OFFICE_B[0], OFFICE_C[0]
STRANGER = "office-1@shiraishi.example.co.jp"


@pytest_asyncio.fixture
async def registry(sessions: async_sessionmaker[AsyncSession]) -> async_sessionmaker[AsyncSession]:
    await load(sessions, examples.registry())
    return sessions


async def apply(sessions: async_sessionmaker[AsyncSession], application: ApplicationForm) -> str:
    return (await Intake(sessions, BusinessCalendar()).receive(application)).application_no


async def listed(sessions: async_sessionmaker[AsyncSession], yayoi_id: str) -> dict[str, list[str]]:
    found = await own_applications(sessions, yayoi_id)
    return {each.row.application_no: [office.pair.office_name for office in each.offices] for each in found}


async def test_y22_the_customer_sees_every_application_on_the_contract(
    registry: async_sessionmaker[AsyncSession],
) -> None:
    first = await apply(registry, form([OFFICE_B]))
    second = await apply(registry, form([OFFICE_C]))
    assert await listed(registry, A) == {second: ["事業所C"], first: ["事業所B"]}
    assert list(await listed(registry, A)) == [second, first]  # the newest first


async def test_y22_a_pairs_own_id_sees_its_pair_alone(registry: async_sessionmaker[AsyncSession]) -> None:
    no = await apply(registry, form([OFFICE_B, OFFICE_C]))
    assert await listed(registry, B) == {no: ["事業所B"]}
    assert await listed(registry, C) == {no: ["事業所C"]}
    assert await own_office(registry, B, no, 1)
    assert await own_office(registry, B, no, 2) is None
    for stranger in (STRANGER, "nobody@example.jp"):
        assert await listed(registry, stranger) == {}
        assert await own_office(registry, stranger, no, 1) is None
    assert await own_office(registry, A, "YS-999999", 1) is None


async def test_y22_no_id_sees_an_application_that_its_ledger_does_not_show(
    registry: async_sessionmaker[AsyncSession],
) -> None:
    """Whoever applies may type any ID and any token: of everybody in the registry, nobody learns of more by it."""
    await apply(registry, form([OFFICE_B, (YayoiId(STRANGER), OFFICE_C[1])]))
    await apply(registry, form([(YayoiId(A), None)], contract=ContractId("6000002"), linked=False, network=False))
    async with registry() as session:
        everybody = (await session.scalars(select(YayoiIdRow.yayoi_id))).all()
    for yayoi_id in everybody:
        contracts = {entry.existing_contract_id for entry in await ledger_of(registry, yayoi_id)}
        names = {entry.office_name for entry in await ledger_of(registry, yayoi_id)}
        for application in await own_applications(registry, yayoi_id):
            assert application.row.existing_contract_id in contracts
            for office in application.offices:
                assert office.pair.yayoi_id == yayoi_id or office.pair.office_name in names


async def test_y5a_what_waits_for_the_holder_is_not_listed(registry: async_sessionmaker[AsyncSession]) -> None:
    no = await apply(registry, form([OFFICE_B, OFFICE_C]))
    assert set(await listed(registry, A)) == {no}
    async with registry.begin() as session:
        pairs = (await session.scalars(select(ApplicationOfficeRow).filter_by(application_no=no))).all()
        begin_waiting(session, await session.get_one(ApplicationRow, no), pairs)
    assert await listed(registry, A) == {}
    assert await listed(registry, B) == {}
    assert await own_office(registry, B, no, 1) is None


async def test_applications_that_are_open_come_first_and_the_list_has_an_end(
    registry: async_sessionmaker[AsyncSession], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = await apply(registry, form([OFFICE_B])), await apply(registry, form([OFFICE_C]))
    async with registry.begin() as session:
        now = datetime.now(UTC)
        for table in (ApplicationRow, ApplicationOfficeRow):
            await session.execute(update(table).filter_by(application_no=second).values(closed_at=now))
    assert list(await listed(registry, A)) == [first, second]
    monkeypatch.setattr(store, "MOST_LISTED", 1)
    assert list(await listed(registry, A)) == [first]


# --- pages ------------------------------------------------------------------------------------------------------------


@pytest_asyncio.fixture
async def site(registry: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment) -> AsyncIterator[Web]:
    async with web_on(registry, temporal.client) as web:
        yield web
        await end_cases(web, temporal.client)


async def test_the_list_says_where_each_is_and_leads_to_its_page_without_a_mailed_link(site: Web) -> None:
    no = await apply(site.sessions, form([OFFICE_B, OFFICE_C]))
    await site.started(no)
    await site.waits_at(no, 1, Stage.CORRECTION, until=date(2026, 11, 30), points=["違います。"])
    place = f"/applications/{no}/offices/1"
    assert (await site.http.get(place)).headers["location"] == f"/sign-in?next={place}"
    await site.sign_in(B)
    text = text_of(await site.http.get("/applications"))
    assert "事業所B 訂正待ち お客様の操作が必要です" in text
    assert "期限：2026年11月30日（月）" in text
    assert "事業所C" not in text
    page = await site.http.get(place)
    assert page.status_code == 200
    assert "違います。" in text_of(page)
    assert "/correct" not in page.text  # to look at, not to act
    assert "/withdraw" not in page.text
    calendar = await site.http.get(f"/calendars/{no}/offices/1")
    assert calendar.headers["content-type"].startswith("text/calendar")


async def test_who_is_signed_in_as_another_id_sees_with_which_to_go_on(site: Web) -> None:
    no = await apply(site.sessions, form([OFFICE_B]))
    await site.started(no)
    await site.waits_at(no, 1, Stage.SET_UP, points=[SetUpStep.BUSINESS_GROUP.label])
    step = f'href="{STEP_PATHS[SetUpStep.BUSINESS_GROUP]}"'
    await site.sign_in(A)
    page = await site.http.get(f"/applications/{no}/offices/1")
    assert f"弥生ID（{B}）でログインし直してください。" in text_of(page)
    assert step not in page.text
    await site.sign_in(B)
    page = await site.http.get(f"/applications/{no}/offices/1")
    assert "ログインし直してください" not in text_of(page)
    assert step in page.text


@pytest.mark.long
async def test_being_signed_in_opens_no_more_than_the_ledger_shows(site: Web) -> None:
    no = await apply(site.sessions, form([OFFICE_B, OFFICE_C]))
    await site.started(no)
    for who, opened in ((A, [1, 2]), (B, [1]), (STRANGER, [])):
        await site.sign_in(who)
        answers = {number: await site.http.get(f"/applications/{no}/offices/{number}") for number in (1, 2, 0, 99)}
        assert [number for number, answer in answers.items() if answer.status_code == 200] == opened
        assert {answer.status_code for number, answer in answers.items() if number not in opened} == {404}
        # The whole case, and what only the applicant may do, need the applicant's own link.
        for path in ("", "/ledger", "/offices/1/correct", "/offices/1/sharing", "/offices/1/withdraw"):
            assert (await site.http.get(f"/applications/{no}{path}")).status_code == 404
        assert (await site.http.post(f"/applications/{no}/offices/1/withdraw")).status_code == 404
        assert (await site.http.get(f"/applications/{no}/offices/1?key=x")).status_code == 404
