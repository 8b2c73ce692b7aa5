"""The page of a case says where it is and what is asked of the applicant now."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import delete, update

from models.common.identifiers import ledger_key
from models.tables import ApplicationOfficeRow, CaseStatusRow, IssuedContractRow, LedgerRow
from models.yayoi.case_links import case_path
from models.yayoi.messages import Outcome
from models.yayoi.procedures import SetUpStep, Stage
from tests.support.case_pages import SOON, two_pairs
from tests.support.web import NETWORK, SECRET, TOKEN_C, TOKEN_OF_ANOTHER, Web, pair, text_of


async def test_the_case_page_shows_what_is_asked_of_the_applicant_now(web: Web) -> None:
    number = await two_pairs(web)
    row = await web.started(number)
    await web.waits_at(number, 1, Stage.SHARING, until=row.expires_on)
    await web.waits_at(number, 2, Stage.SET_UP, points=[SetUpStep.BUSINESS_GROUP.label])
    await issue(web, number, 2, "7000001")
    async with web.sessions.begin() as session:
        session.add(LedgerRow(key=ledger_key(number, 2, "thaw"), result={}))
    page = await web.http.get(case_path(SECRET, number, SOON))
    text, last = text_of(page), row.expires_on
    for fact in (
        "B 商店 共有の解除待ち お客様の操作が必要です 会計事務所との共有を解除してください。",
        "共有の解除へ進む",
        f"期限：{last.year}年{last.month}月{last.day}日",
        "この事業所データの「スマート取引取込」は、完了のお知らせが届くまで停止しています。",
        "C 商店 お客様の設定待ち お客様の操作が必要です",
        "済 STEP5 サポート・サービスのパスワード設定",
        "STEP6 事業グループの新規作成",
        "新しいサービス契約ID 7000001",
        f"元々ご契約のお客様番号（{NETWORK}）は入力しないでください。",
        "【 弥生会計 24 ネットワーク 】ユーザ登録完了と「お客様番号」のお知らせ",
    ):
        assert fact in text
    assert text.count("停止しています") == 1  # C has its notice, and imports again
    assert 'href="/group"' in page.text
    assert 'href="/support-password"' not in page.text


async def test_y12_the_case_page_says_stopped_only_of_what_is(web: Web) -> None:
    foreign, own = pair("b@example.co.jp", TOKEN_OF_ANOTHER), pair("c@example.co.jp", TOKEN_C)
    number = await web.applied(foreign, own)
    page = case_path(SECRET, number, SOON)
    not_yet = "利用しないでください。事業所トークンを確認できしだい、弊社で停止します。"
    text = text_of(await web.http.get(page))
    assert (text.count("停止しています"), text.count(not_yet)) == (1, 1)
    async with web.sessions.begin() as session:  # where smart import is another system, nothing is frozen yet
        await session.execute(delete(LedgerRow))
    text = text_of(await web.http.get(page))
    assert (text.count("停止しています"), text.count(not_yet)) == (0, 2)


async def test_y12_y27_of_a_case_that_is_being_ended_no_page_waits_for_a_notice(web: Web) -> None:
    """Nor does one whose notice is out, in the moment of the thaw."""
    number = await web.applied(pair())
    page = case_path(SECRET, number, SOON)
    async with web.sessions.begin() as session:
        await session.execute(update(CaseStatusRow).filter_by(part=1).values(ending=Outcome.CANCELLED))
    until_its_end = "いま停止しています。お手続きの終了とともに、停止を解除します。"
    text = text_of(await web.http.get(page))
    assert until_its_end in text
    assert "完了のお知らせ" not in text
    async with web.sessions.begin() as session:
        session.add(LedgerRow(key=ledger_key(number, 1, "thaw"), result={}))
    assert "スマート取引取込" not in text_of(await web.http.get(page))
    async with web.sessions.begin() as session:
        await session.execute(update(CaseStatusRow).filter_by(part=1).values(ending=None, stage=Stage.THAW))
    assert "スマート取引取込" not in text_of(await web.http.get(page))


async def test_the_case_page_needs_no_procedure_to_answer(web: Web) -> None:
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
        "B 商店 内容の確認中 お申し込みの内容を確認しています。お待ちください。",
        "C 商店 終了 期限までに確認できなかったため、お手続きを終了しました。",
        "共有が残っています。",
    ):
        assert fact in text


@pytest.mark.parametrize(
    ("stage", "shown", "offered"),
    [
        (Stage.CORRECTION, "訂正待ち", "/correct?"),
        (Stage.SHARING, "共有の解除待ち", "/sharing?"),
        (Stage.SET_UP, "お客様の設定待ち", "/support-password"),
    ],
)
async def test_what_the_case_waits_for_can_be_done_whether_its_procedure_answers_or_not(
    web: Web, stage: Stage, shown: str, offered: str
) -> None:
    number = await web.applied(pair())
    await web.started(number)
    await web.waits_at(number, 1, stage, points=[step.label for step in SetUpStep])
    page = await web.http.get(case_path(SECRET, number, SOON))
    assert shown in page.text
    assert offered in page.text


async def issue(web: Web, application_no: str, office_no: int, contract_id: str) -> None:
    async with web.sessions.begin() as session:
        session.add(
            IssuedContractRow(
                contract_id=contract_id,
                existing_contract_id=NETWORK,
                number=1,
                registered_name="弥生 太郎 複1",
                issued_at=datetime.now(UTC),
                application_no=application_no,
                office_no=office_no,
                yayoi_id="office-c@yayoi-taro.example.jp",
            )
        )
