"""The page of a case says where it is and what is asked of the applicant now."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import update

from models.tables import ApplicationOfficeRow, NoticeRow
from models.yayoi.case_links import case_path
from tests.support.case_pages import SOON, two_pairs
from tests.support.web import NETWORK, SECRET, Web, answering, pair, text_of


async def test_the_case_page_shows_what_is_asked_of_the_applicant_now(web: Web) -> None:
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


async def test_without_an_answer_of_the_procedure_the_case_page_shows_what_the_records_say(web: Web) -> None:
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
