"""Linking again on its page: each service with its days, and sharing, until nothing is left (Y21)."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select

from models.common.calendar import day_in_japan
from models.tables import RememberedLinkRow, SharingAgainRow
from models.yayoi.messages import Outcome
from tests.support.customer import AIR, BANK, Customer, errors_on, words
from tests.support.environment import OFFICE_B
from tests.support.web import hidden_fields
from web.yayoi.customer.pair_page import NO_CASE
from web.yayoi.customer.relink import UNKNOWN_LINK

LAST_BANK, LAST_AIR = date(2026, 10, 30), date(2026, 10, 31)


def today() -> date:
    return day_in_japan(datetime.now(UTC))


def said(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日（{'月火水木金土日'[day.weekday()]}）"


async def test_y21_everything_is_linked_again_and_what_to_look_at_is_shown(customer: Customer) -> None:
    await customer.finish_set_up()
    page = await customer.page("/relink")
    assert "残り：2 件（全 2 件）" in page
    assert f"前回取り込んだ最後の日 {said(LAST_BANK)}" in page
    assert f"取込開始日を {said(LAST_BANK + timedelta(days=1))} にすると、抜けも重複もありません。" in page

    # The bank goes back further than what was imported: those days come twice.
    asked_from = LAST_BANK - timedelta(days=2)
    done = await customer.record_relink(BANK, relinked_on=today().isoformat(), asked_from=asked_from.isoformat())
    assert done.status_code == 303, words(done)
    page = await customer.page("/relink")
    assert f"重複する可能性がある日 {said(asked_from)} から {said(LAST_BANK)} まで" in page
    assert "残り：1 件（全 2 件）" in page

    # The register begins on the day after, whatever was asked for: the days between are missing.
    done = await customer.record_relink(AIR, relinked_on=today().isoformat(), asked_from="2026-11-01")
    assert done.status_code == 303, words(done)
    page = await customer.page("/relink")
    assert f"抜けている可能性がある日 {said(LAST_AIR + timedelta(days=1))} から {said(today())} まで" in page
    assert f"新しい連携で最初に取り込まれる日 {said(today() + timedelta(days=1))}" in page
    outcome = await customer.case.office().result()
    assert outcome.outcome is Outcome.COMPLETED

    # Sharing is not the procedure's to wait for, but nothing is said to be done before it was thought of.
    assert "すべて済みました" not in page
    hidden = hidden_fields(await customer.http.get("/relink"), "/relink/sharing")
    await customer.http.post("/relink/sharing", data=hidden | {"answer": "again"})
    page = await customer.page("/relink")
    assert f"{said(today())}に、改めて共有しました。" in page
    assert "再連携はすべて済みました" in page
    [noted] = await customer.environment.rows(select(SharingAgainRow))
    assert (noted.firm, noted.shared_on) == ("山田会計事務所", today())
    assert "お手続きはすべて完了しました。" in await customer.page("/set-up")


async def test_y21_days_that_cannot_be_are_refused_beside_their_field(customer: Customer) -> None:
    await customer.web.sign_in(customer.issued.yayoi_id)
    tomorrow = (today() + timedelta(days=1)).isoformat()
    answer = await customer.record_relink(BANK, relinked_on=tomorrow, asked_from="")
    assert errors_on(answer) == [
        f"{BANK}：再連携した日：今日までの日付を入力してください。再連携を済ませてから記録します。"
    ]
    assert f'value="{tomorrow}"' in answer.text
    answer = await customer.record_relink(BANK, relinked_on="", asked_from=tomorrow)
    [error] = errors_on(answer)
    assert error.startswith(f"{BANK}：")
    assert (
        await customer.environment.rows(select(RememberedLinkRow).where(RememberedLinkRow.relinked_on.is_not(None)))
        == []
    )


async def test_y21_what_is_not_on_the_list_is_refused(customer: Customer) -> None:
    await customer.web.sign_in(customer.issued.yayoi_id)
    hidden = hidden_fields(await customer.http.get("/relink"), "/relink")
    made_up = {"service": "よその銀行", "service_kind": "bank_account", "relinked_on": today().isoformat()}
    answer = await customer.http.post("/relink", data=hidden | made_up)
    assert errors_on(answer) == [UNKNOWN_LINK]
    hidden = hidden_fields(await customer.http.get("/relink"), "/relink/sharing")
    await customer.http.post("/relink/sharing", data=hidden | {"firm": "よその会計事務所", "answer": "again"})
    assert await customer.environment.rows(select(SharingAgainRow)) == []


@pytest.mark.long
async def test_y21_recording_twice_is_once_and_nobody_else_may(customer: Customer) -> None:
    await customer.web.sign_in(customer.issued.yayoi_id)
    page = await customer.http.get("/relink")
    fields = hidden_fields(page, "/relink") | {"relinked_on": today().isoformat()}
    answers = [await customer.http.post("/relink", data=fields) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    made = await customer.environment.rows(select(RememberedLinkRow).where(RememberedLinkRow.relinked_on.is_not(None)))
    assert len(made) == 1
    await customer.web.sign_in(OFFICE_B[0])
    others = await customer.page("/relink")
    assert NO_CASE in others
    assert BANK not in others
