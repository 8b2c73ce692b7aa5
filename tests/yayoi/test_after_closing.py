"""What is open when a case closes can be done for 90 days more, by the customer, an operator, or reopened (Y25)."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from temporalio.client import WorkflowUpdateFailedError

from models.common.calendar import day_in_japan, end_of
from models.common.operator_message import ActionMessage
from models.common.store.case_status import stages_of, status_of
from models.common.waiting_for import WaitingFor
from models.tables import ApplicationOfficeRow, WebhookMessageRow, WebhookSubscriberRow
from models.yayoi.deadlines import AFTER_CLOSING_DAYS, FOLLOW_UP_DAYS
from models.yayoi.identifiers import OfficeToken
from models.yayoi.mails import MailKind
from models.yayoi.messages import OFFICE_CLOSED, Outcome
from models.yayoi.operator_actions import Action, Cancel
from models.yayoi.procedures import SetUpStep, Stage
from models.yayoi.store.pair_status import OVER
from models.yayoi.store.pair_status import status_of as pair_status_of
from tests.support.customer import AIR, BANK, SUPPORT_PASSWORD, Customer, words
from tests.support.environment import (
    NOBODY,
    OFFICE_B,
    OFFICE_C,
    OPERATOR,
    TARO,
    Case,
    Environment,
    at_rest,
    details_of,
    form,
)
from tests.support.operator_actions import cancel_with_approval, shown_actions
from tests.support.recorded_paths import BANK_B
from workers.stack.inbox import text_of

STEP5 = SetUpStep.SUPPORT_PASSWORD
SAYS_OVER = OVER.partition("お問い合わせ画面")[0]
REOPEN = ActionMessage(reason="お客様のご希望")
CLOSED_AFTER, OVER_AFTER = timedelta(days=FOLLOW_UP_DAYS + 1), timedelta(days=AFTER_CLOSING_DAYS + 1)


async def closed_with_open_points(environment: Environment, *done: SetUpStep) -> Case:
    case = await environment.apply(form())
    await at_rest(case, Stage.SET_UP)
    await case.do_steps(*done)
    await let_close(case)
    return case


async def let_close(case: Case) -> None:
    await case.until(await case.now() + CLOSED_AFTER)
    progress = await case.progress()
    assert (progress.stage, progress.outcome) == (Stage.AFTER_CLOSING, Outcome.INCOMPLETE)


async def let_be_over(case: Case) -> None:
    await case.until(await case.now() + OVER_AFTER)
    assert (await case.office().result()).outcome is Outcome.INCOMPLETE


# --- the procedure ----------------------------------------------------------------------------------------------------


async def test_y25_a_case_that_closes_with_something_open_goes_on_without_reminders_and_in_no_queue(
    environment: Environment,
) -> None:
    case = await closed_with_open_points(environment, STEP5)
    assert (await case.application.result()).offices[0].outcome is Outcome.INCOMPLETE
    progress = await case.progress()
    [closed_at] = await environment.rows(select(ApplicationOfficeRow.closed_at))
    until = day_in_japan(closed_at) + timedelta(days=AFTER_CLOSING_DAYS)
    assert (progress.waiting_for, progress.waits_until) == (WaitingFor.SYSTEM, until)
    before = len(environment.inbox.mails)
    await case.until(end_of(until) - timedelta(hours=1))
    assert len(environment.inbox.mails) == before
    assert (await case.progress()).stage is Stage.AFTER_CLOSING
    await case.until(end_of(until))
    ended = await case.office().result()
    assert (ended.outcome, len(ended.open_points)) == (Outcome.INCOMPLETE, 4)
    assert len(environment.inbox.mails) == before
    audited = [row.action for row in await case.audit()]
    assert audited[-1] == f"終了後の受け付けを終えた（{Outcome.INCOMPLETE}）"


async def test_y25_what_is_done_late_completes_the_case(environment: Environment) -> None:
    case = await closed_with_open_points(environment, STEP5)
    await case.application.result()
    await case.do_steps(SetUpStep.BUSINESS_GROUP, SetUpStep.PRODUCT, SetUpStep.OWNED_PRODUCT)
    assert (await case.progress()).open_points == ("口座連携（連携1）の再連携",)
    await case.act(ActionMessage(reason="お電話"), action=Action.ADD_NOTE)
    await case.relink(*BANK_B, day_in_japan(await case.now()))
    ended = await case.office().result()
    assert (ended.outcome, ended.open_points) == (Outcome.COMPLETED, ())
    [row] = await environment.rows(select(ApplicationOfficeRow))
    assert (row.outcome, row.open_points, row.closings) == (Outcome.COMPLETED, [], 2)
    async with environment.sessions() as session:
        status = await status_of(session, case.application_no, 1)
        stages = [each.stage for each in await stages_of(session, case.application_no, 1)]
    assert status is not None
    assert (status.stage, status.outcome, status.points) == (Stage.CLOSED, Outcome.COMPLETED, [])
    assert stages[-3:] == [Stage.SET_UP, Stage.AFTER_CLOSING, Stage.CLOSED]


@pytest.mark.long
async def test_y25_the_closing_mail_says_what_to_do_where_and_until_when_to_each_once(environment: Environment) -> None:
    case = await closed_with_open_points(environment, STEP5)
    await case.application.result()
    until = (await case.progress()).waits_until
    assert until is not None
    closing = environment.inbox.to(TARO)[-1]
    own = environment.inbox.to(OFFICE_B[0])[-1]
    assert (closing["Subject"], own["Subject"]) == (MailKind.FINISHED.subject, MailKind.FOLLOW_UP_ENDED.subject)
    for mail in (closing, own):
        text = text_of(mail)
        assert SetUpStep.BUSINESS_GROUP.label in text
        assert f"{until.year}年{until.month}月{until.day}日" in text
        assert "http://web.test/applications/" in text
    assert len(await case.notices(MailKind.FINISHED)) == len(await case.notices(MailKind.FOLLOW_UP_ENDED)) == 1


@pytest.mark.long
async def test_y25_an_application_ends_when_its_offices_have_closed_whatever_still_goes_on(
    environment: Environment,
) -> None:
    async with environment.sessions.begin() as session:
        session.add(WebhookSubscriberRow(url="https://books.example/hook", secrets=[], kinds=[]))
    case = await environment.apply(form([OFFICE_B, OFFICE_C], delegate=True))
    for number in (1, 2):
        await at_rest(case, Stage.SET_UP, number)
    await case.do_step(STEP5, 1)
    await case.until(await case.now(1) + CLOSED_AFTER, 1)
    # Its own Yayoi ID is notified at once; the application waits for its other office.
    assert [notice.part for notice in await case.notices(MailKind.FOLLOW_UP_ENDED)] == [1]
    assert await case.notices(MailKind.FINISHED) == []
    await case.act(Cancel(reason="お客様のご希望"), 2)
    outcomes = [office.outcome for office in (await case.application.result()).offices]
    assert outcomes == [Outcome.INCOMPLETE, Outcome.CANCELLED]
    assert (await case.progress(1)).stage is Stage.AFTER_CLOSING
    # The mail about the last office says that it is over, and what is still open of the other.
    cancelled = text_of(environment.inbox.to(TARO)[-1])
    assert "これで、お申し込みのお手続きはすべて終了しました。" in cancelled
    assert f"1 件目「事業所B」：{Outcome.INCOMPLETE}" in cancelled
    assert await case.notices(MailKind.FINISHED) == []
    # Reopened, it goes on alone.
    await case.act(REOPEN, 1, action=Action.REOPEN)
    await at_rest(case, Stage.SET_UP, 1)
    await case.until(await case.now(1) + CLOSED_AFTER, 1)
    await case.do_steps(SetUpStep.BUSINESS_GROUP, SetUpStep.PRODUCT, SetUpStep.OWNED_PRODUCT, number=1)
    await case.relink(*BANK_B, day_in_japan(await case.now(1)), number=1)
    assert (await case.office(1).result()).outcome is Outcome.COMPLETED
    assert await case.notices(MailKind.FINISHED) == []
    assert len(await case.notices(MailKind.FOLLOW_UP_ENDED)) == 2
    payloads = [row.payload["data"] for row in await environment.rows(select(WebhookMessageRow))]
    ended = [data for data in payloads if data["office_no"] is None and data["stage"]["code"] == "closed"]
    assert len(ended) == 1
    of_first = sorted((data for data in payloads if data["office_no"] == 1), key=lambda data: data["sequence"])
    assert [(data["stage"]["code"], data["outcome"] and data["outcome"]["code"]) for data in of_first][-5:] == [
        ("set_up", None),
        ("after_closing", "incomplete"),
        ("set_up", None),
        ("after_closing", "incomplete"),
        ("closed", "completed"),
    ]


async def test_y25_made_up_news_of_a_closing_changes_nothing(environment: Environment) -> None:
    case = await environment.apply(form([OFFICE_C]))
    await at_rest(case, Stage.SHARING)
    await case.application.signal(OFFICE_CLOSED, [{"office_no": 1, "outcome": "完了"}])
    await case.settled()
    assert (await case.application.describe()).close_time is None
    assert "手続きが終了した" not in await details_of(case.application)


# --- reopened ---------------------------------------------------------------------------------------------------------


@pytest.mark.long
async def test_y25_a_reopened_case_is_reminded_and_closes_again(environment: Environment) -> None:
    case = await closed_with_open_points(environment, STEP5)
    await case.application.result()
    shown = await shown_actions(case)
    assert set(shown) == {
        *(Action.REPORT_SET_UP_STEP, Action.REPORT_RELINK, Action.REOPEN),
        *(Action.ADD_NOTE, Action.RESEND_MAIL, Action.RENEW_LINK, Action.HAND_OVER, Action.RETRACT_SET_UP_STEP),
        Action.CORRECT_NAMES,
    }
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await case.act(Cancel(reason="お客様のご希望"))
    assert "再開してから" in str(refused.value.cause)
    reminders = len(await case.notices(MailKind.FOLLOW_UP_REMINDER))
    await case.act(REOPEN, action=Action.REOPEN)
    await at_rest(case, Stage.SET_UP)
    [row] = await environment.rows(select(ApplicationOfficeRow))
    assert (row.closed_at, row.outcome, row.open_points) == (None, None, None)
    reopened_on = day_in_japan(await case.now())
    assert (await case.progress()).waits_until == reopened_on + timedelta(days=FOLLOW_UP_DAYS)
    await case.until_day(environment.calendar.business_days_after(reopened_on, 3))
    assert len(await case.notices(MailKind.FOLLOW_UP_REMINDER)) == reminders + 1
    assert (OPERATOR, REOPEN.reason) in {(entry.by, entry.reason) for entry in await case.audit()}
    await cancel_with_approval(case, "お客様のご希望")
    assert (await case.office().result()).outcome is Outcome.CANCELLED
    assert len(await case.notices(MailKind.FINISHED)) == 1


@pytest.mark.long
async def test_y1_y25_a_reopened_pair_is_held_again_unless_somebody_else_holds_it(environment: Environment) -> None:
    case = await closed_with_open_points(environment)
    await case.application.result()
    other = await environment.apply(form([(NOBODY, OFFICE_B[1])]))
    await at_rest(other, Stage.CORRECTION)
    async with environment.sessions.begin() as session:  # as if it had been held before this one closed
        row = await session.get_one(ApplicationOfficeRow, (other.application_no, 1))
        row.yayoi_id, row.holds_id = OFFICE_B[0], True
    with pytest.raises(WorkflowUpdateFailedError) as held:
        await case.act(REOPEN, action=Action.REOPEN)
    assert f"申込 {other.application_no} で使われているため、再開できません。" in str(held.value.cause)
    assert (await case.progress()).stage is Stage.AFTER_CLOSING
    await case.do_step(STEP5)  # what is open can be done all the same
    await other.act(Cancel(reason="二重のお申し込み"))
    await other.application.result()
    await case.act(REOPEN, action=Action.REOPEN)
    await at_rest(case, Stage.SET_UP)


async def with_an_addition(first: Case) -> Case:
    """Apply for 会計連携の追加 to the contract ID of a case that has closed with something open."""
    await at_rest(first, Stage.SET_UP)
    await let_close(first)
    [issued] = await first.issued()
    addition = form([OFFICE_B]).model_copy(update={"link_addition": True})
    pair = addition.offices[0].model_copy(update={"issued_contract_id": issued.contract_id})
    return await first.environment.apply(addition.model_copy(update={"offices": (pair,)}))


async def test_y25_y9_an_addition_to_the_same_id_does_not_keep_the_first_case_closed(environment: Environment) -> None:
    first = await environment.apply(form([(OFFICE_B[0], None)], linked=False))
    added = await with_an_addition(first)
    await at_rest(added, Stage.RELINK)
    await first.act(REOPEN, action=Action.REOPEN)
    await at_rest(first, Stage.SET_UP)
    async with environment.sessions() as session:
        held = {(row.application_no, row.holds_id) for row in await session.scalars(select(ApplicationOfficeRow))}
    assert held == {(first.application_no, True), (added.application_no, True)}


async def test_y1_an_office_that_is_set_up_late_says_where_to_go_on_to_whom_applies_again(
    environment: Environment,
) -> None:
    await closed_with_open_points(environment)
    again = await environment.apply(form([(OFFICE_C[0], OFFICE_B[1])]))
    await at_rest(again, Stage.CORRECTION)
    [point] = (await again.progress()).open_points
    assert "お申し込みは不要です。" in point
    assert "「設定の状況」の画面" in point
    assert "http://web.test/set-up" in text_of(environment.inbox.to(TARO)[-1])


# --- the pages --------------------------------------------------------------------------------------------------------


@pytest.mark.long
async def test_y25_the_customer_does_all_on_the_same_pages_after_the_case_has_closed(customer: Customer) -> None:
    await let_close(customer.case)
    page = await customer.page(await case_path_of(customer))
    assert "お手続きは終了しました" not in page
    assert "お手続きの期間は終わりましたが、残っている設定は、次の期限まで引き続き行うことができます。" in page
    assert "期限：" in page
    await customer.finish_set_up()
    assert "残りの設定" not in await customer.page("/set-up")
    relink = await customer.http.get("/relink")
    assert "まで、ここに記録できます。" in words(relink)
    today = day_in_japan(datetime.now(UTC)).isoformat()
    for service in (BANK, AIR):
        assert (await customer.record_relink(service, relinked_on=today)).status_code == 303
    assert (await customer.case.office().result()).outcome is Outcome.COMPLETED
    assert "お手続きはすべて完了しました。" in await customer.page("/set-up")
    page = await customer.page(await case_path_of(customer))
    assert "お手続きは終了しました" in page
    assert "お手続きはすべて完了しました。" in page


async def case_path_of(customer: Customer) -> str:
    [notice, *_] = [mail for mail in customer.environment.inbox.to(TARO) if mail["Subject"] == MailKind.RECEIPT.subject]
    [link] = {line.strip() for line in text_of(notice).splitlines() if "/applications/" in line}
    return link.removeprefix("http://web.test")


async def test_y25_once_that_time_is_over_every_page_says_so_before_anything_is_typed(customer: Customer) -> None:
    await let_close(customer.case)
    await let_be_over(customer.case)
    first = await customer.web.send("/support-password", customer.notice)
    assert first.status_code == 422
    assert SAYS_OVER in words(first)
    assert "password_again" not in first.text
    assert SUPPORT_PASSWORD not in first.text
    await customer.web.sign_in(customer.issued.yayoi_id)
    for path in ("/support-password", "/group", "/products/register", "/products/owned"):
        answer = await customer.http.get(path)
        assert answer.status_code == 409, path
        assert SAYS_OVER in words(answer), path
        shown = answer.text.partition("<main")[2].partition("</main>")[0]
        assert 'href="/enquiry"' in shown, path
        assert not re.search(r"<input(?! type=\"hidden\")", shown)
    for path in ("/set-up", "/relink", await case_path_of(customer)):
        answer = await customer.http.get(path)
        assert answer.status_code == 200
        assert 'href="/enquiry"' in answer.text.partition("<main")[2].partition("</main>")[0], path
    page = await customer.page(await case_path_of(customer))
    assert "画面からは設定できません。" in page


@pytest.mark.long
async def test_y25_a_second_application_does_not_hide_what_is_still_open(customer: Customer) -> None:
    await let_close(customer.case)
    nobodys = OfficeToken("99999999-0000-4000-8000-000000000000")
    again = await customer.environment.apply(form([(OFFICE_C[0], nobodys)]))
    await at_rest(again, Stage.CORRECTION)
    await customer.web.sign_in(customer.issued.yayoi_id)
    page = await customer.page("/set-up")
    assert customer.issued.contract_id in page
    assert f"次はこちら {STEP5.label}" in page
    assert "お申し込みは不要です。" in "".join((await again.progress()).open_points)


async def test_y25_y9_each_page_is_about_the_case_in_which_something_is_left(environment: Environment) -> None:
    """Set-up is that of the first case, after its closing too; the links are those of 会計連携の追加."""
    first = await environment.apply(form([(OFFICE_B[0], None)], linked=False))
    added = await with_an_addition(first)
    await at_rest(added, Stage.RELINK)
    own = [await pair_status_of(environment.sessions, OFFICE_B[0], links=links) for links in (False, True)]
    assert [status and status.application_no for status in own] == [first.application_no, added.application_no]
