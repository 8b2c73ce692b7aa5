"""Applications over the API: the contract, the rules of the form, and what must hold under concurrency and outages."""

import asyncio
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from temporalio.client import WorkflowExecutionStatus
from temporalio.testing import WorkflowEnvironment

from models.common.calendar import BusinessCalendar, day_in_japan
from models.common.names import UNUSABLE
from models.tables import ApplicationOfficeRow, ApplicationRow, AuditRow
from models.yayoi.identifiers import ApplicationNo, application_workflow_id
from models.yayoi.pair_rules import token_held, yayoi_id_held
from tests.support.encryption import MASTER
from tests.support.journals import JOURNAL_OF_TESTS
from tests.support.web import (
    NETWORK,
    STANDALONE,
    TOKEN_B,
    TOKEN_C,
    TOKEN_OF_ANOTHER,
    TemporalProxy,
    Web,
    application,
    end_cases,
    errors_of,
    fill_registry,
    pair,
    web_on,
)
from workers import database
from workflows.common import search_attributes


async def test_an_application_is_accepted_with_number_due_date_and_link(web: Web) -> None:
    today = day_in_japan(datetime.now(UTC))
    answer = await web.apply(application())
    assert answer.status_code == 202
    body = answer.json()
    assert body.keys() == {"application_no", "due_date", "status_url", "waits_for_holder"}
    assert not body["waits_for_holder"]  # it shows a token of the contract's own office
    row = await web.row(ApplicationNo(body["application_no"]))
    assert day_in_japan(row.applied_at) - today in {timedelta(0), timedelta(days=1)}
    calendar = BusinessCalendar()
    assert date.fromisoformat(body["due_date"]) == row.due_date == calendar.due_date(day_in_japan(row.applied_at))
    assert row.expires_on == calendar.business_days_after(row.due_date, 5)
    assert body["status_url"].startswith(f"http://web.test/applications/{row.application_no}?until=")
    assert (await web.http.get(body["status_url"])).status_code == 200
    audit = await web.rows(select(AuditRow).where(AuditRow.case_no == row.application_no))
    assert [(entry.action, entry.by) for entry in audit] == [
        ("申込を受け付けた", "system:anonymous"),
        ("スマート取引取込を凍結した", "system"),
    ]


async def test_a_resend_gets_the_same_answer_and_changes_nothing(web: Web) -> None:
    form = application()
    first, second = await web.apply(form), await web.apply(form)
    assert (first.status_code, second.status_code) == (202, 200)
    assert second.json() == first.json()
    assert len(await web.rows(select(ApplicationRow))) == 1


async def test_a_resend_that_only_differs_in_spelling_is_the_same(web: Web) -> None:
    form = application(pair("b@example.co.jp"))
    first = await web.apply(form)
    second = await web.apply(form | {"offices": [pair(" Ｂ@Example.co.jp", TOKEN_B.upper())]})
    assert second.status_code == 200
    assert second.json() == first.json()


async def test_the_same_submission_id_with_other_content_is_refused(web: Web) -> None:
    form = application()
    await web.applied(**form)
    answer = await web.apply(form | {"offices": [pair("other@example.co.jp")]})
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"] == (
        "この submission_id の申込は、別の内容ですでに受け付けています。"
        "新しい申込には新しい submission_id を付けてください。"
    )


async def test_the_same_submission_ten_times_at_once_is_one_application(web: Web) -> None:
    form = application(pair(), pair("c@example.co.jp", TOKEN_C))
    answers = await asyncio.gather(*(web.apply(form) for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [200] * 9 + [202]
    assert len({answer.text for answer in answers}) == 1
    assert len(await web.rows(select(ApplicationRow))) == 1
    actions = [row.action for row in await web.rows(select(AuditRow).order_by(AuditRow.audit_id))]
    assert actions == ["申込を受け付けた", *["スマート取引取込を凍結した"] * 2]


async def test_y1_of_many_at_once_that_want_the_same_pairs_one_is_accepted(web: Web) -> None:
    b, c = ("b@example.co.jp", TOKEN_B), ("c@example.co.jp", TOKEN_C)
    # In both orders, so that each may hold what the other waits for.
    forms = [application(pair(*first), pair(*second)) for first, second in [(b, c), (c, b)] * 4]
    answers = await asyncio.gather(*map(web.apply, forms))
    assert sorted(answer.status_code for answer in answers) == [202] + [422] * 7
    [row] = await web.rows(select(ApplicationRow))
    for answer in answers:
        if answer.status_code == 422:
            assert errors_of(answer) == {
                f"offices.{index}.{name}": message
                for index in (0, 1)
                for name, message in (
                    ("yayoi_id", yayoi_id_held(row.application_no).message),
                    ("office_token", token_held(row.application_no).message),
                )
            }


async def test_y2_y3_y5_the_form_does_not_disclose_which_ids_and_tokens_exist(web: Web) -> None:
    application_no = await web.applied(
        pair("nobody@example.co.jp", TOKEN_OF_ANOTHER), pair("c@example.co.jp", "e" * 8 + "-0000-0000-0000-" + "e" * 12)
    )
    rows = await web.rows(select(ApplicationOfficeRow).where(ApplicationOfficeRow.application_no == application_no))
    # Another customer's office is not called by its name either.
    assert [row.office_name for row in rows] == ["事業所データ1", "事業所データ2"]


async def test_y18_other_systems_may_say_what_an_office_is_called(web: Web) -> None:
    unlinked = {"accounting_link": False, "consents": {}}
    named = pair("c@example.co.jp", None, office_name="　駅前 店 ")
    await web.applied(pair(token=None), named, **unlinked)
    rows = await web.rows(select(ApplicationOfficeRow).order_by(ApplicationOfficeRow.office_no))
    assert [row.office_name for row in rows] == ["事業所データ1", "駅前 店"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("あ" * 41, "40 文字以内で入力してください。"),
        (
            "店\u202e",
            UNUSABLE.format(code="U+202E"),
        ),
    ],
)
async def test_y18_a_name_that_no_mail_can_show_is_refused(web: Web, name: str, message: str) -> None:
    answer = await web.apply(application(pair(office_name=name)))
    assert errors_of(answer) == {"offices.0.office_name": message}


async def test_y18_a_name_brings_no_link_into_mails(web: Web) -> None:
    """Anybody may apply with anybody's number: what mail programs make links of is written full-width."""
    await web.applied(pair(token=None, office_name="https://evil.test/x a@b.cd"), accounting_link=False, consents={})
    [row] = await web.rows(select(ApplicationOfficeRow))
    assert row.office_name == "https：／／evil．test／x a＠b．cd"


async def test_an_own_office_is_called_by_its_name(web: Web) -> None:
    await web.applied(pair(), pair("c@example.co.jp", TOKEN_C))
    rows = await web.rows(select(ApplicationOfficeRow).order_by(ApplicationOfficeRow.office_no))
    assert [row.office_name for row in rows] == ["B 商店", "C 商店"]


async def test_y8_input_is_forgiving_and_storage_is_not(web: Web) -> None:
    typed = pair(" Ｏｆｆｉｃｅ－B＠Example.CO.jp ", "Ｂ０００００02ー0000–4000−8000‐００００００００００02 ")
    typed["yayoi_id_confirmation"] = "office-b@example.co.jp"
    await web.applied(typed, existing_contract_id="８８７１３０４")
    [row] = await web.rows(select(ApplicationOfficeRow))
    assert (row.yayoi_id, row.office_token) == ("office-b@example.co.jp", TOKEN_B)
    [stored] = await web.rows(select(ApplicationRow))
    assert stored.existing_contract_id == NETWORK


@pytest.mark.parametrize(("linked", "network"), [(True, True), (True, False), (False, True), (False, False)])
async def test_y9_four_procedures(web: Web, linked: bool, network: bool) -> None:
    application_no = await web.applied(
        pair(token=TOKEN_B if linked else None),
        accounting_link=linked,
        network_product=network,
        existing_contract_id=NETWORK if network else STANDALONE,
        consents={"stop_smart_import": linked, "relink_required": linked},
    )
    await web.started(application_no)
    description = await web.client.get_workflow_handle(application_workflow_id(application_no)).describe()
    expected = f"会計連携{'あり' if linked else 'なし'}・ネットワーク製品{'' if network else '以外'}"
    assert description.typed_search_attributes[search_attributes.PROCEDURE] == expected


async def test_a_stored_application_is_started_with_what_operators_need(web: Web) -> None:
    application_no = await web.applied(pair(), pair("c@example.co.jp", TOKEN_C))
    row = await web.started(application_no)
    description = await web.client.get_workflow_handle(application_workflow_id(application_no)).describe()
    assert description.status is WorkflowExecutionStatus.RUNNING
    assert description.workflow_type == "MultiOfficeApplication"
    attributes = description.typed_search_attributes
    assert attributes[search_attributes.APPLICATION_NO] == application_no
    assert attributes[search_attributes.EXISTING_CONTRACT_ID] == NETWORK
    assert day_in_japan(attributes[search_attributes.DUE_DATE]) == row.due_date
    assert await description.static_summary() == "弥生 太郎 様：事業所 2 件（お客様番号 8871304）"
    details = await description.static_details() or ""
    for fact in ("B 商店", "c@example.co.jp", TOKEN_C, f"{row.due_date}"):
        assert fact in details
    assert "?until=" not in details  # the customer's link is in no history


@pytest.mark.robustness("backlog")
async def test_while_temporal_is_down_applications_are_accepted_and_started_later(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment
) -> None:
    await fill_registry(sessions)
    proxy = TemporalProxy(temporal.client.service_client.config.target_host)
    async with web_on(sessions, await proxy.client()) as web:
        async with asyncio.timeout(60):  # nobody waits for Temporal, which does not come before this has ended
            form = application()
            answer = await web.apply(form)
            page = await web.http.get(answer.json()["status_url"])
        assert answer.status_code == 202
        assert "お申し込みは確かに受け付けています" in page.text
        assert (await web.row(answer.json()["application_no"])).started_at is None
        await proxy.open()
        await web.started(answer.json()["application_no"])
        assert (await web.apply(form)).json() == answer.json()
        await end_cases(web, temporal.client)
    await proxy.close()


@pytest.mark.long
async def test_several_web_processes_start_an_application_once(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment
) -> None:
    await fill_registry(sessions)
    async with web_on(sessions, temporal.client) as web, web_on(sessions, temporal.client):
        numbers = [await web.applied(pair(f"b{n}@example.co.jp", f"b00000{n:02}{TOKEN_B[8:]}")) for n in range(5)]
        for number in numbers:
            await web.started(number)
            # Started before, by another process or before a crash: it counts as started.
            async with sessions.begin() as session:
                await session.execute(update(ApplicationRow).values(started_at=None))
            await web.started(number)
            handle = web.client.get_workflow_handle(application_workflow_id(number))
            await handle.terminate()
            async with sessions.begin() as session:
                await session.execute(update(ApplicationRow).values(started_at=None))
            await web.started(number)
            assert (await handle.describe()).status is WorkflowExecutionStatus.TERMINATED
        await end_cases(web, temporal.client)


async def test_while_the_database_is_away_the_answer_says_so(temporal: WorkflowEnvironment) -> None:
    engine = create_async_engine("postgresql+asyncpg://nobody@127.0.0.1:1/none")
    async with web_on(database.sessions(engine, MASTER, JOURNAL_OF_TESTS), temporal.client) as web:
        answer = await web.apply(application())
        assert answer.status_code == 503
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["title"] == "ただいま受け付けられません"
        assert (await web.http.get("/healthz")).json() == {"status": "ok"}
    await engine.dispose()


async def test_numbers_count_up(web: Web) -> None:
    first = await web.applied(pair("b@example.co.jp", TOKEN_B))
    second = await web.applied(pair("c@example.co.jp", TOKEN_C))
    assert int(second[3:]) == int(first[3:]) + 1
