"""Applications over the API: the contract, the rules of the form, and what must hold under concurrency and outages."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from temporalio.client import WorkflowExecutionStatus
from temporalio.testing import WorkflowEnvironment

from models.calendar import BusinessCalendar, day_in_japan
from models.identifiers import ApplicationNo, application_workflow_id
from models.tables import ApplicationOfficeRow, ApplicationRow, AuditRow
from tests.conftest import _TEMPLATE, _new_database
from tests.web_world import (
    NETWORK,
    STANDALONE,
    TOKEN_B,
    TOKEN_C,
    TOKEN_OF_ANOTHER,
    Gate,
    Web,
    application,
    end_cases,
    fill_registry,
    pair,
    web_on,
)
from web.protection import MAX_BODY_BYTES
from workers import database
from workflows import search_attributes

MISMATCH = "弥生ID と一致しません。もう一度入力してください。"
FULL_WIDTH = "全角で入力してください（例：弥生　太郎）。"
BAD_TOKEN = "事業所トークンは「8桁-4桁-4桁-4桁-12桁」の英数字で入力してください。"
BAD_ADDRESS = "メールアドレスの形式で入力してください（例：taro@example.co.jp）。"
BAD_CONTRACT = "サービス契約ID（お客様番号）は 6、7、8 のいずれかで始まる 7 桁の数字で入力してください。"
HELD_ID = "この弥生ID は、手続き中の別のお申し込みで使われています。別の弥生ID を入力してください。"
HELD_TOKEN = "この事業所トークンは、手続き中の別のお申し込みで使われています。事業所データを確認してください。"


@pytest_asyncio.fixture
async def web(sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment) -> AsyncIterator[Web]:
    await fill_registry(sessions)
    async with web_on(sessions, temporal.client) as web:
        yield web
        await end_cases(web, temporal.client)


@pytest_asyncio.fixture(scope="module")
async def refusing(postgres_socket: Path, temporal: WorkflowEnvironment) -> AsyncIterator[Web]:
    """The app for forms that are refused: since nothing may be stored, their tests share one database."""
    async with _new_database(postgres_socket, _TEMPLATE) as url:
        engine = create_async_engine(url)
        sessions = database.sessions(engine)
        await fill_registry(sessions)
        async with web_on(sessions, temporal.client) as web:
            yield web
            assert await web.rows(select(ApplicationRow)) == []
        await engine.dispose()


def errors_of(answer: httpx.Response) -> dict[str, str]:
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == 422
    assert problem["title"] == "入力内容に誤りがあります"
    errors = {error["field"]: error["message"] for error in problem["errors"]}
    assert len(errors) == len(problem["errors"])  # one message per field
    assert problem["detail"] == f"{len(errors)} 件の項目を確認してください。"
    return errors


async def test_an_application_is_accepted_with_number_due_date_and_link(web: Web) -> None:
    today = day_in_japan(datetime.now(UTC))
    answer = await web.apply(application())
    assert answer.status_code == 202
    body = answer.json()
    assert body.keys() == {"application_no", "due_date", "status_url"}
    row = await web.row(ApplicationNo(body["application_no"]))
    assert day_in_japan(row.applied_at) - today in {timedelta(0), timedelta(days=1)}
    calendar = BusinessCalendar()
    assert date.fromisoformat(body["due_date"]) == row.due_date == calendar.due_date(day_in_japan(row.applied_at))
    assert row.expires_on == calendar.business_days_after(row.due_date, 5)
    assert body["status_url"].startswith(f"http://web.test/applications/{row.application_no}?key=")
    assert (await web.http.get(body["status_url"])).status_code == 200
    audit = await web.rows(select(AuditRow).where(AuditRow.application_no == row.application_no))
    assert [(entry.action, entry.by) for entry in audit] == [("申込を受け付けた", "申込者")]


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
    assert len(await web.rows(select(AuditRow))) == 1


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        (
            [pair(), pair("B@example.co.jp", TOKEN_C)],
            dict.fromkeys(
                ["offices.0.yayoi_id", "offices.1.yayoi_id"],
                "同じ弥生ID が 2 回入力されています。事業所データごとに 1 つ必要です。",
            ),
        ),
        (
            [pair(), pair("c@example.co.jp", TOKEN_B.upper())],
            dict.fromkeys(
                ["offices.0.office_token", "offices.1.office_token"], "同じ事業所トークンが 2 回入力されています。"
            ),
        ),
    ],
)
async def test_y1_nothing_appears_twice_in_one_application(
    refusing: Web, pairs: list[dict[str, Any]], expected: dict[str, str]
) -> None:
    assert errors_of(await refusing.apply(application(*pairs))) == expected


async def test_y1_what_another_open_application_holds_is_refused_until_it_is_closed(web: Web) -> None:
    await web.applied(pair("b@example.co.jp", TOKEN_B))
    again = application(pair("c@example.co.jp", TOKEN_C), pair("b@example.co.jp", TOKEN_B))
    assert errors_of(await web.apply(again)) == {
        "offices.1.yayoi_id": HELD_ID,
        "offices.1.office_token": HELD_TOKEN,
    }
    async with web.sessions.begin() as session:
        await session.execute(update(ApplicationOfficeRow).values(closed_at=datetime.now(UTC)))
    assert (await web.apply(again)).status_code == 202


async def test_y1_of_many_at_once_that_want_the_same_pairs_one_is_accepted(web: Web) -> None:
    b, c = ("b@example.co.jp", TOKEN_B), ("c@example.co.jp", TOKEN_C)
    # In both orders, so that each may hold what the other waits for.
    forms = [application(pair(*first), pair(*second)) for first, second in [(b, c), (c, b)] * 4]
    answers = await asyncio.gather(*map(web.apply, forms))
    assert sorted(answer.status_code for answer in answers) == [202] + [422] * 7
    for answer in answers:
        if answer.status_code == 422:
            assert errors_of(answer) == {
                f"offices.{index}.{name}": message
                for index in (0, 1)
                for name, message in (("yayoi_id", HELD_ID), ("office_token", HELD_TOKEN))
            }
    assert len(await web.rows(select(ApplicationRow))) == 1


async def test_y2_y3_y5_the_form_does_not_tell_which_ids_and_tokens_exist(web: Web) -> None:
    application_no = await web.applied(
        pair("nobody@example.co.jp", TOKEN_OF_ANOTHER), pair("c@example.co.jp", "e" * 8 + "-0000-0000-0000-" + "e" * 12)
    )
    rows = await web.rows(select(ApplicationOfficeRow).where(ApplicationOfficeRow.application_no == application_no))
    # Another customer's office is not called by its name either.
    assert [row.office_name for row in rows] == ["事業所データ1", "事業所データ2"]


async def test_an_own_office_is_called_by_its_name(web: Web) -> None:
    await web.applied(pair(), pair("c@example.co.jp", TOKEN_C))
    rows = await web.rows(select(ApplicationOfficeRow).order_by(ApplicationOfficeRow.office_no))
    assert [row.office_name for row in rows] == ["B 商店", "C 商店"]


@pytest.mark.parametrize(
    "token", ["b0000002-0000-4000-8000-00000000000", "b000000200004000800000000000002", "あ" * 36, "b0000002_0000", "x"]
)
async def test_y4_a_token_of_another_shape_is_refused(refusing: Web, token: str) -> None:
    assert errors_of(await refusing.apply(application(pair(token=token)))) == {"offices.0.office_token": BAD_TOKEN}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Yayoi", FULL_WIDTH),
        ("ﾔﾖｲ", FULL_WIDTH),
        ("弥 生", FULL_WIDTH),
        ("弥\u0000生", FULL_WIDTH),
        ("弥\u202e生", FULL_WIDTH),
        (" ", "入力してください。"),
        ("弥" * 31, "30 文字以内で入力してください。"),
    ],
)
async def test_y6_names_are_full_width(refusing: Web, name: str, message: str) -> None:
    answer = await refusing.apply(application(applicant={"family_name": name, "given_name": name}))
    assert errors_of(answer) == {"applicant.family_name": message, "applicant.given_name": message}


async def test_y7_the_yayoi_id_typed_twice_must_agree(refusing: Web) -> None:
    other = "d@example.co.jp"
    answer = await refusing.apply(application(pair(yayoi_id_confirmation=other)))
    assert errors_of(answer) == {"offices.0.yayoi_id_confirmation": MISMATCH}
    # Told at once with whatever else is wrong; an ID that is refused itself is not compared.
    pairs = [pair(token="x", yayoi_id_confirmation=other), pair("x", yayoi_id_confirmation=other)]
    assert errors_of(await refusing.apply(application(*pairs))) == {
        "offices.0.yayoi_id_confirmation": MISMATCH,
        "offices.0.office_token": BAD_TOKEN,
        "offices.1.yayoi_id": BAD_ADDRESS,
    }


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


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        (application(pair(token=None)), {"offices.0.office_token": "事業所トークンを入力してください。"}),
        (application(pair(token=" ")), {"offices.0.office_token": "事業所トークンを入力してください。"}),
        (
            application(accounting_link=False),
            {"offices.0.office_token": "会計連携を利用しない場合、事業所トークンは不要です。空欄にしてください。"},
        ),
        (
            application(consents={}),
            {
                "consents.stop_smart_import": "手続き完了までスマート取引取込を利用しないことに同意してください。",
                "consents.relink_required": "連携サービスの再連携が必要になることを確認してください。",
            },
        ),
        (
            application(network_product=False),
            {
                "network_product": (
                    "このサービス契約ID（お客様番号）の製品はネットワーク製品です。「ネットワーク製品」を選んでください。"
                )
            },
        ),
        (
            application(existing_contract_id=STANDALONE),
            {
                "network_product": (
                    "このサービス契約ID（お客様番号）の製品はネットワーク製品以外です。"
                    "「ネットワーク製品以外」を選んでください。"
                )
            },
        ),
    ],
)
async def test_y9_the_answers_must_fit_the_procedure(
    refusing: Web, form: dict[str, Any], expected: dict[str, str]
) -> None:
    assert errors_of(await refusing.apply(form)) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"existing_contract_id": "5871304"}, {"existing_contract_id": BAD_CONTRACT}),
        ({"existing_contract_id": "887130"}, {"existing_contract_id": BAD_CONTRACT}),
        (
            {"existing_contract_id": "8000000"},
            {
                "existing_contract_id": (
                    "このサービス契約ID（お客様番号）は登録されていません。現在ご利用中の番号を入力してください。"
                )
            },
        ),
        ({"submission_id": "12"}, {"submission_id": "UUID で指定してください。"}),
        ({"offices": []}, {"offices": "1 件以上必要です。"}),
        ({"offices": [pair()] * 21}, {"offices": "20 件までです。"}),
        ({"offices": "b"}, {"offices": "一覧（配列）で指定してください。"}),
        ({"offices": ["b"]}, {"offices.0": "項目の組（オブジェクト）で指定してください。"}),
        ({"applicant": None}, {"applicant": "項目の組（オブジェクト）で指定してください。"}),
        ({"accounting_link": "たぶん"}, {"accounting_link": "true か false で指定してください。"}),
        ({"yayoi_id": "x"}, {"yayoi_id": "この項目は受け付けていません。名前を確認してください。"}),
        (
            {"offices": [pair("office-b")]},
            dict.fromkeys(["offices.0.yayoi_id", "offices.0.yayoi_id_confirmation"], BAD_ADDRESS),
        ),
        (
            {"offices": [pair("b@example.co.jp\r\nBcc: x@example.co.jp")]},
            dict.fromkeys(["offices.0.yayoi_id", "offices.0.yayoi_id_confirmation"], BAD_ADDRESS),
        ),
        (
            {"offices": [pair("b" * 5000 + "@example.co.jp")]},
            dict.fromkeys(["offices.0.yayoi_id", "offices.0.yayoi_id_confirmation"], BAD_ADDRESS),
        ),
    ],
)
async def test_every_wrong_field_is_named_with_its_reason(
    refusing: Web, changes: dict[str, Any], expected: dict[str, str]
) -> None:
    assert errors_of(await refusing.apply(application() | changes)) == expected


async def test_missing_fields_are_asked_for(refusing: Web) -> None:
    assert set(errors_of(await refusing.apply({})).items()) == {
        (name, "入力してください。")
        for name in (
            "submission_id",
            "applicant",
            "existing_contract_id",
            "accounting_link",
            "network_product",
            "offices",
            "consents",
        )
    }


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 60_000, b'{"submission_id": "\\ud800"', b"{'a': 1}"])
async def test_what_is_no_json_is_refused(refusing: Web, body: bytes) -> None:
    answer = await refusing.http.post("/api/applications", content=body, headers={"content-type": "application/json"})
    assert set(errors_of(answer)) == {""}


@pytest.mark.parametrize("body", [b"null", b"[]", b"12", b'"x"'])
async def test_json_that_is_no_object_is_refused(refusing: Web, body: bytes) -> None:
    answer = await refusing.http.post("/api/applications", content=body, headers={"content-type": "application/json"})
    assert set(errors_of(answer)) == {""}


async def test_a_lone_surrogate_in_a_name_is_refused(refusing: Web) -> None:
    body = b'{"applicant": {"family_name": "\\ud800", "given_name": "\\u5f25"}}'
    answer = await refusing.http.post("/api/applications", content=body, headers={"content-type": "application/json"})
    assert errors_of(answer)["applicant.family_name"] == FULL_WIDTH


async def test_a_body_that_is_too_large_is_refused(refusing: Web) -> None:
    async def unannounced() -> AsyncIterator[bytes]:
        for _ in range(MAX_BODY_BYTES // 1000 + 1):
            yield b" " * 1000

    for content in (b" " * (MAX_BODY_BYTES + 1), unannounced()):
        answer = await refusing.http.post("/api/applications", content=content)
        assert answer.status_code == 413
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["detail"] == "64 KB 以内で送信してください。"


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
    for fact in ("B 商店", "c@example.co.jp", TOKEN_C, f"{row.due_date}", f"/applications/{application_no}?key="):
        assert fact in details


async def test_while_temporal_is_down_applications_are_accepted_and_started_later(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment
) -> None:
    await fill_registry(sessions)
    gate = Gate(temporal.client.service_client.config.target_host)
    async with web_on(sessions, await gate.client()) as web:
        async with asyncio.timeout(2):  # at once, not after a wait for Temporal
            form = application()
            answer = await web.apply(form)
            page = await web.http.get(answer.json()["status_url"])
        assert answer.status_code == 202
        assert "お申し込みは確かに受け付けています" in page.text
        assert (await web.row(answer.json()["application_no"])).started_at is None
        await gate.open()
        await web.started(answer.json()["application_no"])
        assert (await web.apply(form)).json() == answer.json()
        await end_cases(web, temporal.client)
    await gate.close()


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
    async with web_on(async_sessionmaker(engine), temporal.client) as web:
        answer = await web.apply(application())
        assert answer.status_code == 503
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["title"] == "ただいま受け付けられません"
        assert (await web.http.get("/healthz")).json() == {"status": "ok"}
    await engine.dispose()


async def test_openapi_describes_every_answer(refusing: Web) -> None:
    paths = (await refusing.http.get("/openapi.json")).json()["paths"]
    apply, report = paths["/api/applications"]["post"]["responses"], paths["/api/events"]["post"]["responses"]
    assert apply.keys() == {"200", "202", "409", "413", "422", "503"}
    assert report.keys() == {"200", "202", "404", "409", "413", "422", "503"}
    for responses in (apply, report):
        for status, response in responses.items():
            [media_type] = response["content"]
            assert media_type == ("application/problem+json" if status >= "400" else "application/json")
            assert response["content"][media_type]["schema"]["$ref"]


async def test_numbers_count_up(web: Web) -> None:
    first = await web.applied(pair("b@example.co.jp", TOKEN_B))
    second = await web.applied(pair("c@example.co.jp", TOKEN_C))
    assert int(second[3:]) == int(first[3:]) + 1
