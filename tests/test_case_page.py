"""The pages of a case as served: who sees what by which link, and how what is done there reaches the procedure."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.client import WorkflowExecution, WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from models.calendar import day_in_japan
from models.case_links import Opening, case_link, case_path, link_expiry, opening
from models.identifiers import ApplicationNo
from models.tables import ApplicationOfficeRow, ApplicationRow, EventRow, NoticeRow, SetUpStepRow, SharingRow
from tests.web_procedures import AnsweringOffice
from tests.web_world import (
    NETWORK,
    SECRET,
    TOKEN_B,
    TOKEN_C,
    TOKEN_OF_ANOTHER,
    Gate,
    Web,
    answering,
    end_cases,
    fill_registry,
    hidden_fields,
    pair,
    until,
    web_on,
)
from web.applicant.case_access import NO_SUCH_CASE
from web.applicant.case_actions import NOT_CONSENTED, SENT_BEFORE
from web.applicant.case_pages import LATER
from web.applicant.case_words import for_applicants
from web.applicant.correction import AGAIN, NOTHING, THE_SAME
from web.event_cases import STILL_SHARED

TODAY = day_in_japan(datetime.now(UTC))
SOON, LONG_AGO = TODAY + timedelta(days=5), TODAY - timedelta(days=1)


@pytest_asyncio.fixture
async def web(sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment) -> AsyncIterator[Web]:
    await fill_registry(sessions)
    async with web_on(sessions, temporal.client) as web:
        yield web
        await end_cases(web, temporal.client)


def text_of(answer: httpx.Response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", answer.text))


async def two_pairs(web: Web) -> ApplicationNo:
    return await web.applied(pair(), pair("c@example.co.jp", TOKEN_C))


def action(number: ApplicationNo, name: str, office_no: int = 1) -> str:
    query = urlsplit(case_path(SECRET, number, SOON)).query
    return f"/applications/{number}/offices/{office_no}/{name}?{query}"


async def act(web: Web, path: str, fields: dict[str, str] | None = None, *, form: int = 0) -> httpx.Response:
    """Open a page of the case and send its form, as a browser does."""
    page = await web.http.get(path)
    assert page.status_code == 200, page.text
    shown = [hidden_fields_of(part) for part in page.text.split("<form")[1:]]
    return await web.http.post(path, data=shown[form] | (fields or {}))


def hidden_fields_of(form: str) -> dict[str, str]:
    return dict(re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', form))


# --- links ------------------------------------------------------------------------------------------------------------


def test_a_link_opens_its_own_case_until_its_last_day_and_no_other() -> None:
    link = case_link("https://apply.example.jp/", "one", "YS-000123", date(2027, 2, 18))
    assert link == case_link("https://apply.example.jp", "one", "YS-000123", date(2027, 2, 18))
    assert link.startswith("https://apply.example.jp/applications/YS-000123?until=2027-02-18&key=")
    key = link.partition("&key=")[2]

    def opened(secret: str, number: str, until: str, today: date, office_no: int | None = None) -> Opening:
        return opening(secret, number, until, key, today=today, office_no=office_no)

    last = date(2027, 2, 18)
    assert opened("one", "YS-000123", "2027-02-18", last) is Opening.OPEN
    assert opened("one", "YS-000123", "2027-02-18", last + timedelta(days=1)) is Opening.EXPIRED
    assert opened("two", "YS-000123", "2027-02-18", last) is Opening.FORGED
    assert opened("one", "YS-000124", "2027-02-18", last) is Opening.FORGED
    assert opened("one", "YS-000123", "2027-02-19", last) is Opening.FORGED
    assert opened("one", "YS-000123", "2027-02-18", last, 1) is Opening.FORGED


def test_links_of_a_case_outlive_its_due_date_and_every_mail_by_enough() -> None:
    due = date(2026, 11, 20)
    assert link_expiry(due) == date(2027, 2, 18)
    assert link_expiry(due, date(2026, 11, 4)) == date(2027, 2, 18)
    assert link_expiry(due, date(2027, 2, 10)) == date(2027, 3, 12)


async def test_forged_links_open_nothing_and_tell_nothing(web: Web) -> None:
    mine, other = await web.applied(pair()), await web.applied(pair("c@example.co.jp", TOKEN_C))
    whole, one = case_path(SECRET, mine, SOON), case_path(SECRET, mine, SOON, 1)
    assert (await web.http.get(whole)).status_code == (await web.http.get(one)).status_code == 200
    key, key_of_one = whole.partition("&key=")[2], one.partition("&key=")[2]
    good = f"until={SOON}&key={key}"
    nobody = ApplicationNo("YS-999999")
    addresses = [
        f"/applications/{mine}",
        f"/applications/{mine}?until={SOON}&key=",
        f"/applications/{mine}?until={SOON}&key=%E9%8D%B5",
        f"/applications/{mine}?until={SOON}%00&key={key}",
        f"/applications/{mine}?until=&key={key}",
        f"/applications/{mine}?until={SOON + timedelta(days=1)}&key={key}",
        f"/applications/{mine}?until={SOON}&key={key_of_one}",
        f"/applications/{other}?{good}",
        f"/applications/{mine}/offices/1?{good}",
        f"/applications/{mine}/offices/2?until={SOON}&key={key_of_one}",
        f"/applications/{mine}/offices/{10**30}?until={SOON}&key={key_of_one}",
        f"/applications/{nobody}?{good}",
        case_path(SECRET, nobody, SOON),
        case_path(SECRET, mine, SOON, 2),
        *(f"/applications/{other}/offices/1/{name}?{good}" for name in ("correct", "sharing", "withdraw")),
        *(f"/applications/{mine}/offices/7/{name}?{good}" for name in ("correct", "sharing", "withdraw")),
    ]
    refused = [await web.http.get(address) for address in addresses]
    # Nobody learns from the answer which numbers exist.
    assert {answer.status_code for answer in refused} == {404}
    assert {answer.text for answer in refused} == {refused[0].text}
    assert NO_SUCH_CASE in refused[0].text


async def test_the_link_of_one_office_never_shows_or_changes_another_pair(web: Web) -> None:
    number = await two_pairs(web)
    link = case_path(SECRET, number, SOON, 2)
    page = (await web.http.get(link)).text
    assert "C 商店" in page
    assert "c@example.co.jp" in page
    for others in ("B 商店", "b@example.co.jp", TOKEN_B, "取り下げる</a>", "/correct", "/withdraw"):
        assert others not in page
    query = urlsplit(link).query
    for office_no in (1, 2):
        for name in ("correct", "sharing", "withdraw"):
            assert (await web.http.get(f"/applications/{number}/offices/{office_no}/{name}?{query}")).status_code == 404


async def test_an_expired_link_offers_a_fresh_one_and_shows_nothing(web: Web) -> None:
    number = await two_pairs(web)
    for link in (
        case_path(SECRET, number, LONG_AGO),
        case_path(SECRET, number, LONG_AGO, 1),
        f"/applications/{number}/offices/1/correct?{urlsplit(case_path(SECRET, number, LONG_AGO)).query}",
    ):
        answer = await web.http.get(link)
        assert answer.status_code == 410
        assert "このリンクの期限が切れています" in answer.text
        assert "弥生 太郎" not in answer.text
        assert "商店" not in answer.text


async def mailings(web: Web) -> list[WorkflowExecution]:
    query = f"TaskQueue = '{web.task_queue}' AND WorkflowType = 'CaseLinkMail'"
    return [mailing async for mailing in web.client.list_workflows(query)]


@pytest.mark.parametrize("office_no", [None, 2])
async def test_a_fresh_link_is_mailed_once_an_hour_by_a_workflow_that_holds_no_address(
    web: Web, office_no: int | None
) -> None:
    number = await two_pairs(web)
    page = await web.http.get(case_path(SECRET, number, LONG_AGO, office_no))
    address = re.search(r'<form method="post" action="([^"]*)"', page.text)
    assert address
    where = address[1].replace("&amp;", "&")
    answers = [await web.http.post(where, data=hidden_fields(page)) for _ in range(2)]
    assert {answer.status_code for answer in answers} == {200}
    assert "新しいリンクをお送りしました" in answers[0].text
    assert "@" not in text_of(answers[0])
    found: list[WorkflowExecution] = []

    async def listed() -> bool:
        found[:] = await mailings(web)
        return bool(found)

    await until(listed)
    [mailing] = found
    assert mailing.id.startswith(f"case-link/{number}/{office_no or '-'}/")
    history = str((await web.client.get_workflow_handle(mailing.id).fetch_history()).events)
    assert "@example" not in history
    await web.client.get_workflow_handle(mailing.id).terminate()


async def test_a_fresh_link_cannot_be_asked_for_with_a_forged_one_or_too_often(web: Web) -> None:
    number = await two_pairs(web)
    csrf = hidden_fields(await web.http.get(case_path(SECRET, number, LONG_AGO)))
    query = urlsplit(case_path(SECRET, number, LONG_AGO)).query
    for forged in (
        f"/applications/{number}/link?until={LONG_AGO}&key=x",
        f"/applications/{number}/offices/1/link?{query}",
        f"/applications/YS-999999/link?{urlsplit(case_path(SECRET, 'YS-999999', LONG_AGO)).query}",
    ):
        assert (await web.http.post(forged, data=csrf)).status_code == 404
    answers = [await web.http.post(f"/applications/{number}/link?{query}", data=csrf) for _ in range(8)]
    assert answers[-1].status_code == 429
    assert "受け付けを止めています" in answers[-1].text
    for mailing in await mailings(web):
        await web.client.get_workflow_handle(mailing.id).terminate()


async def test_a_fresh_link_cannot_be_mailed_while_temporal_is_away(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment
) -> None:
    await fill_registry(sessions)
    gate = Gate(temporal.client.service_client.config.target_host)
    async with web_on(sessions, await gate.client()) as web:
        number = await two_pairs(web)
        page = await web.http.get(case_path(SECRET, number, LONG_AGO))
        query = urlsplit(case_path(SECRET, number, LONG_AGO)).query
        answer = await web.http.post(f"/applications/{number}/link?{query}", data=hidden_fields(page))
        assert answer.status_code == 503
        assert LATER in answer.text


# --- where the case stands --------------------------------------------------------------------------------------------


async def test_the_case_page_tells_what_is_asked_of_the_applicant_now(web: Web) -> None:
    number = await two_pairs(web)
    async with answering(web):
        row = await web.started(number)
        page = await web.http.get(case_path(SECRET, number, SOON))
    text, last = text_of(page), row.expires_on
    for fact in (
        "B 商店 共有の解除待ち お客様の操作が必要です 会計事務所との共有を解除してください。",
        "共有の解除へ進む",
        f"期限：{last.year}年{last.month}月{last.day}日",
        "この事業所データの「スマート取引取込」は、完了のお知らせが届くまで利用しないでください。",
        "C 商店 お客様の設定待ち お客様の操作が必要です",
        "済 STEP5 サポート・サービスのパスワード設定",
        "STEP6 事業グループの新規作成",
        "新しいサービス契約ID 7000001",
        f"元々ご契約のお客様番号（{NETWORK}）は入力しないでください。",
        "【 弥生会計 24 ネットワーク 】ユーザ登録完了と「お客様番号」のお知らせ",
    ):
        assert fact in text
    assert text.count("利用しないでください") == 1  # C has its notice, and imports again
    assert 'href="/group"' in page.text
    assert 'href="/support-password"' not in page.text


async def test_without_an_answer_of_the_procedure_the_case_page_tells_what_the_records_say(web: Web) -> None:
    number = await two_pairs(web)
    await web.started(number)
    async with web.sessions.begin() as session:
        await session.execute(
            update(ApplicationOfficeRow)
            .where(ApplicationOfficeRow.office_no == 2)
            .values(
                closed_at=(await web.row(number)).applied_at, outcome="期限切れ", open_points=["共有が残っています。"]
            )
        )
    answer = await web.http.get(case_path(SECRET, number, SOON))
    assert answer.status_code == 200
    text = text_of(answer)
    for fact in (
        number,
        "ただいま、最新の状況を確認できません。お申し込みは確かに受け付けています。",
        "B 商店 受付済み",
        "C 商店 終了 期限までに確認できなかったため、お手続きを終了しました。",
        "共有が残っています。",
    ):
        assert fact in text


@pytest.mark.parametrize(
    ("kinds", "shown", "offered"),
    [
        (["correction_needed"], "受付済み", "/correct?"),
        (["correction_needed", "release_sharing"], "受付済み", "/sharing?"),
        (["release_sharing", "completion_notice"], "お客様の設定待ち", "/support-password"),
    ],
)
async def test_without_an_answer_what_was_asked_by_mail_can_still_be_done(
    web: Web, kinds: list[str], shown: str, offered: str
) -> None:
    number = await web.applied(pair())
    await web.started(number)
    async with web.sessions.begin() as session:
        session.add_all(
            NoticeRow(
                key=kind,
                application_no=number,
                office_no=1,
                kind=kind,
                recipient="x@example.co.jp",
                subject="",
                message_id=kind,
                sent_at=datetime.now(UTC),
            )
            for kind in kinds
        )
    page = await web.http.get(case_path(SECRET, number, SOON))
    assert shown in page.text
    assert offered in page.text


# --- what the applicant does ------------------------------------------------------------------------------------------


async def running(web: Web, number: ApplicationNo) -> WorkflowHandle[AnsweringOffice, None]:
    await web.started(number)
    return await web.office(number, 1)


async def taken(office: WorkflowHandle[AnsweringOffice, None]) -> list[str]:
    return await office.query(AnsweringOffice.taken)


async def test_a_correction_shows_the_name_of_the_office_before_it_is_sent_and_comes_once(web: Web) -> None:
    number = await web.applied(pair("b@example.co.jp", TOKEN_OF_ANOTHER))
    async with answering(web):
        office = await running(web, number)
        path = action(number, "correct")
        form = await web.http.get(path)
        assert TOKEN_OF_ANOTHER in form.text
        typed = {"office_token": "Ｃ" + TOKEN_C[1:], "action": "confirm"}
        confirm = await act(web, path, typed)
        assert confirm.status_code == 200
        text = text_of(confirm)
        assert "まだ、訂正は完了していません。" in text
        assert "事業所データ C 商店 管理に使う弥生ID b@example.co.jp（変更なし）" in text
        assert await taken(office) == []
        back = await web.http.post(path, data=hidden_fields(confirm) | {"action": "change"})
        assert f'name="office_token" value="{typed["office_token"]}"' in back.text
        sent = [await web.http.post(path, data=hidden_fields(confirm) | {"action": "send"}) for _ in range(2)]
        assert {answer.status_code for answer in sent} == {303}
        [event] = await web.rows(select(EventRow))
        assert await taken(office) == [f"申込者 {event.event_id} None {TOKEN_C}"]
        assert {answer.headers["location"] for answer in sent} == {
            f"{case_path(SECRET, number, SOON)}&event={event.event_id}"
        }
        assert "訂正を受け付け、内容をもう一度確認しました。" in (await web.http.get(sent[0].headers["location"])).text
        other = hidden_fields(confirm) | {"action": "send", "office_token": TOKEN_B}
        answer = await web.http.post(path, data=other)
        assert (answer.status_code, SENT_BEFORE in answer.text) == (409, True)


async def test_y5_a_token_of_another_contract_reveals_no_name(web: Web) -> None:
    number = await web.applied(pair())
    confirm = await act(web, action(number, "correct"), {"office_token": TOKEN_OF_ANOTHER, "action": "confirm"})
    assert confirm.status_code == 200
    assert "このご契約では見つかりません" in confirm.text
    assert "よその商店" not in confirm.text


@pytest.mark.parametrize(
    ("typed", "field", "message"),
    [
        ({}, "yayoi_id", NOTHING),
        ({"yayoi_id": "x"}, "yayoi_id", "メールアドレスの形式で"),
        ({"yayoi_id": "x@example.co.jp"}, "yayoi_id_confirmation", AGAIN),
        ({"yayoi_id_confirmation": "x@example.co.jp"}, "yayoi_id_confirmation", AGAIN),
        ({"office_token": "b"}, "office_token", "「8桁-4桁-4桁-4桁-12桁」"),
        ({"office_token": TOKEN_B.upper()}, "office_token", THE_SAME),
        ({"yayoi_id": "B@example.co.jp", "yayoi_id_confirmation": "b@example.co.jp"}, "yayoi_id", THE_SAME),
    ],
)
async def test_y7_y4_what_is_wrong_with_a_correction_is_said_beside_its_field(
    web: Web, typed: dict[str, str], field: str, message: str
) -> None:
    number = await web.applied(pair())
    for how in ("confirm", "send"):
        answer = await act(web, action(number, "correct"), {"action": how} | typed)
        assert answer.status_code == 422
        assert f'<a href="#{field}">' in answer.text
        assert re.search(rf'id="{field}-error"><strong>[^<]*{re.escape(message)}', answer.text)
        assert all(f'name="{name}" value="{value}"' in answer.text for name, value in typed.items())
    assert await web.rows(select(EventRow)) == []


async def shared(web: Web) -> None:
    async with web.sessions.begin() as session:
        session.add(SharingRow(office_token=TOKEN_B, firm="山田会計事務所"))


async def test_y13_a_claim_that_sharing_has_ended_counts_only_when_it_has(web: Web) -> None:
    number = await web.applied(pair())
    await shared(web)
    async with answering(web):
        office = await running(web, number)
        path = action(number, "sharing")
        refused = await act(web, path, {"action": "released"})
        assert refused.status_code == 409
        assert STILL_SHARED in refused.text
        assert "山田会計事務所" in refused.text
        assert await taken(office) == []
        async with web.sessions.begin() as session:
            await session.execute(update(SharingRow).values(ended_at=datetime.now(UTC)))
        answer = await act(web, path, {"action": "released"})
        assert answer.status_code == 303
        assert [what.split()[0::2] for what in await taken(office)] == [["申込者", "sharing_released"]]
        assert "共有が解除されたことを確認しました。" in (await web.http.get(answer.headers["location"])).text


async def test_y13_the_system_releases_the_sharing_only_with_consent(web: Web) -> None:
    number = await web.applied(pair())
    await shared(web)
    async with answering(web):
        office = await running(web, number)
        path = action(number, "sharing")
        refused = await act(web, path, {"action": "delegate"}, form=1)
        assert refused.status_code == 422
        assert NOT_CONSENTED in refused.text
        assert await taken(office) == []
        answer = await act(web, path, {"action": "delegate", "consent": "true"}, form=1)
        assert answer.status_code == 303
        assert [what.split()[0::2] for what in await taken(office)] == [["申込者", "release_sharing"]]


async def test_y27_a_withdrawal_says_what_will_happen_and_comes_once(web: Web) -> None:
    number = await two_pairs(web)
    async with answering(web):
        office = await running(web, number)
        path = action(number, "withdraw")
        text = text_of(await web.http.get(path))
        for consequence in (
            "1 件目「B 商店」（弥生ID：b@example.co.jp）のお申し込みを取り下げます。",
            "取り下げを取り消すことはできません。",
            "停止している「スマート取引取込」は、お申し込みの前と同じように利用できるようになります。",
            "ほかの事業所データのお手続きは、このまま進みます。",
        ):
            assert consequence in text
        answer = await act(web, path)
        assert answer.status_code == 303
        assert [what.split()[0::2] for what in await taken(office)] == [["申込者", "withdraw"]]
        assert "取り下げを受け付けました。" in (await web.http.get(answer.headers["location"])).text


async def test_y27_what_the_procedure_refuses_is_told_in_the_applicants_words(web: Web) -> None:
    number = await web.applied(pair())
    async with answering(web):
        office = await running(web, number)
        step = {"by": "担当者", "reason": "お電話", "step": "support_password"}
        await office.execute_update("report_set_up_step", step)
        answer = await act(web, action(number, "withdraw"))
        assert answer.status_code == 409
        assert "STEP5 を始めた後は取り下げられません。" in answer.text
        for for_operators in ("cancel", "いまできる操作", "add_note"):
            assert for_operators not in answer.text


async def test_y27_once_step5_has_begun_the_page_no_longer_offers_to_withdraw(web: Web) -> None:
    number = await web.applied(pair())
    assert "/withdraw?" in (await web.http.get(case_path(SECRET, number, SOON))).text
    async with web.sessions.begin() as session:
        session.add(
            SetUpStepRow(
                application_no=number,
                office_no=1,
                step="support_password",
                done_at=datetime.now(UTC),
                reported_by="申込者",
            )
        )
    page = (await web.http.get(case_path(SECRET, number, SOON))).text
    assert "/withdraw?" not in page
    assert "STEP5 を始めた後は、この画面で取り下げることはできません。" in page


async def test_an_office_that_has_ended_is_not_acted_upon(web: Web) -> None:
    number = await web.applied(pair())
    async with web.sessions.begin() as session:
        await session.execute(update(ApplicationOfficeRow).values(closed_at=datetime.now(UTC), outcome="取り下げ"))
        await session.execute(update(ApplicationRow).values(closed_at=datetime.now(UTC)))
    page = await web.http.get(case_path(SECRET, number, SOON))
    assert "お手続きは終了しました" in page.text
    assert "/withdraw?" not in page.text
    said: list[tuple[str, int, dict[str, str]]] = [
        ("withdraw", 0, {}),
        ("sharing", 0, {"action": "released"}),
        ("sharing", 1, {"action": "delegate", "consent": "true"}),
        ("correct", 0, {"action": "send", "office_token": TOKEN_C}),
    ]
    for name, form, fields in said:
        answer = await act(web, action(number, name), fields, form=form)
        assert answer.status_code == 409
        assert "この事業所データのお手続きはすでに終了しています。" in answer.text


async def test_what_is_done_while_temporal_is_away_is_taken_and_delivered_later(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment
) -> None:
    await fill_registry(sessions)
    gate = Gate(temporal.client.service_client.config.target_host)
    async with web_on(sessions, await gate.client()) as web:
        number = await two_pairs(web)
        answer = await act(web, action(number, "withdraw"))
        assert answer.status_code == 303
        waiting = text_of(await web.http.get(answer.headers["location"]))
        assert "受け付けました。反映まで、しばらくお待ちください。" in waiting
        await gate.open()
        async with answering(web, temporal.client):
            await web.started(number)
            reachable = Web(web.app, web.http, sessions, temporal.client, web.task_queue)
            office = await reachable.office(number, 1)

            async def delivered() -> bool:
                [event] = await web.rows(select(EventRow))
                return event.delivered_at is not None

            await until(delivered)
            assert [what.split()[0::2] for what in await taken(office)] == [["申込者", "withdraw"]]
            assert "取り下げを受け付けました。" in (await web.http.get(answer.headers["location"])).text
        await gate.close()
        await end_cases(web, temporal.client)


async def test_what_was_done_is_told_on_the_page_of_its_own_case_alone(web: Web) -> None:
    mine, other = await web.applied(pair()), await web.applied(pair("c@example.co.jp", TOKEN_C))
    async with web.sessions.begin() as session:
        session.add(
            EventRow(
                event_id=(event := uuid4()),
                digest="",
                kind="withdrawn",
                payload={},
                application_no=mine,
                office_no=1,
                refused_because="だめです。いまできる操作：cancel",
            )
        )
    refused = "先ほどの操作は、受け付けられませんでした。だめです。"
    assert refused in (await web.http.get(f"{case_path(SECRET, mine, SOON)}&event={event}")).text
    for address in (
        f"{case_path(SECRET, other, SOON)}&event={event}",
        f"{case_path(SECRET, mine, SOON)}&event={uuid4()}",
        f"{case_path(SECRET, mine, SOON)}&event=x",
    ):
        assert "先ほどの操作" not in (await web.http.get(address)).text


@pytest.mark.parametrize(
    "kind", ["pair_corrected", "sharing_release_claimed", "sharing_release_consented", "withdrawn"]
)
async def test_other_systems_cannot_speak_for_the_applicant(web: Web, kind: str) -> None:
    number = await web.applied(pair())
    event = {"event_id": str(uuid4()), "kind": kind, "source": "customer-pages"}
    assert (await web.report(event | {"application_no": number, "office_no": 1})).status_code == 422


async def test_forms_of_a_case_are_taken_from_its_own_pages_alone(web: Web) -> None:
    number = await web.applied(pair())
    for name in ("correct", "sharing", "withdraw"):
        answer = await web.http.post(action(number, name), data={"event_id": str(uuid4()), "action": "released"})
        assert answer.status_code == 403
    assert await web.rows(select(EventRow)) == []


def test_reasons_lose_what_only_operators_can_do() -> None:
    assert for_applicants("だめです。いまできる操作：cancel、hold") == "だめです。"
    assert for_applicants("一つ目。二つ目（cancel）を使ってください。三つ目。") == "一つ目。"
    assert for_applicants("ふつうの理由。もう一文。") == "ふつうの理由。もう一文。"
    assert for_applicants(None) == ""
