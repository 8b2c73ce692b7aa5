"""Y26: a Yayoi ID comes to exist through its pages, a mailed code and its procedure, and not otherwise."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from uuid import uuid4

import pytest
import pytest_asyncio
from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.client import WorkflowExecutionStatus, WorkflowUpdateFailedError
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from models.common.calendar import utc_now
from models.common.messages import ACTIVITY_FAILING, ROW_CHANGED
from models.common.store.bounces import BounceOutcome
from models.common.waiting_for import WaitingFor
from models.tables import (
    AddressCheckRow,
    AuditRow,
    CredentialRow,
    NoticeRow,
    RateCountRow,
    YayoiIdConsentRow,
    YayoiIdRow,
)
from models.yayoi.address_checks import MOST_CODES, MOST_TRIES, CheckOutcome, CheckStage
from models.yayoi.deadlines import ADDRESS_CHECK_LASTS
from models.yayoi.store.address_check_effects import ALREADY_REGISTERED
from models.yayoi.store.address_checks import CODES_USED, NO_DIGITS, ONE_CLICK, TRIES_USED, AddressChecks
from tests.support.bounced import come_back
from tests.support.browser_user import FORM, HANAKO, PASSWORD, BrowserUser, browser_user_on, check_id_of, wrong
from tests.support.environment import OFFICE_B
from tests.support.secret_key import SECRET_KEYS
from tests.support.settling import settled
from tests.support.smtp_inbox import SmtpInbox
from tests.support.web import elsewhere, hidden_fields, text_of, until
from web.common.auth.rate_limits import Limits
from web.yayoi.limits import YayoiLimit
from workflows.common.operator_turn import CANCELLATION_ASKED


@pytest_asyncio.fixture
async def browser_user(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment, smtp_inbox: SmtpInbox
) -> AsyncIterator[BrowserUser]:
    async with browser_user_on(sessions, temporal, smtp_inbox) as browser_user:
        yield browser_user


# --- the good way ----------------------------------------------------------------------------------------------------


async def test_y26_a_code_is_mailed_and_typed_in_then_the_id_exists_and_signs_in(
    browser_user: BrowserUser,
) -> None:
    place = await browser_user.begun(fields=FORM | {"news": "true"})
    page = await browser_user.http.get(place)
    assert "登録はまだ完了していません" in text_of(page)
    assert "ha***@shouji.example.jp" in text_of(page)
    assert await browser_user.sign_in(PASSWORD) == 422  # not yet
    mail = await browser_user.mail()
    assert mail["Subject"] == "【弥生】確認コードのお知らせ（弥生ID の新規登録）"
    answer = await browser_user.enter(place, await browser_user.code())
    assert (answer.status_code, answer.headers["location"]) == (303, f"{place}/done")
    done = text_of(await browser_user.http.get(answer.headers["location"]))
    assert "STEP3 事業所トークンの確認" in done
    assert f"登録した弥生ID {HANAKO}" in done  # one registers several
    assert await browser_user.procedure(place).result() is CheckOutcome.FINISHED
    async with browser_user.environment.sessions() as session:
        made = (await session.scalars(YayoiIdRow.of(HANAKO))).one()
        assert (made.family_name, made.given_name) == ("弥生", "花子")
        credential = (await session.scalars(CredentialRow.of(HANAKO))).one()
        consent = (await session.scalars(YayoiIdConsentRow.of(HANAKO))).one()
    assert credential.password_hash.startswith("$argon2id$")
    row = await browser_user.row(place)
    assert (consent.news_by_mail, consent.terms_accepted_at) == (True, row.begun_at)
    assert row.closed_at is not None
    assert (row.password_hash, row.family_name, row.given_name) == (None, None, None)
    assert await browser_user.sign_in(PASSWORD) == 303
    again = await browser_user.http.get(place)
    assert again.headers["location"] == f"{place}/done"


async def test_y26_letter_case_of_the_password_matters_and_of_the_address_not(browser_user: BrowserUser) -> None:
    typed = FORM | {"yayoi_id": "ＨＡＮＡＫＯ@Shouji.example.jp ", "yayoi_id_confirmation": HANAKO}
    place = await browser_user.begun(fields=typed)
    wide = str.maketrans("0123456789", "０１２３４５６７８９")
    assert (await browser_user.enter(place, f" {(await browser_user.code()).translate(wide)} ")).status_code == 303
    wrong_password = {"yayoi_id": HANAKO, "password": PASSWORD.swapcase()}
    refused = await browser_user.send("/sign-in", wrong_password)
    assert refused.status_code == 422
    assert "STEP5 で設定したサポート・サービスのパスワードではなく" in text_of(refused)
    assert await browser_user.sign_in(PASSWORD, HANAKO.upper()) == 303


async def test_y26_a_double_click_is_one_registration_and_one_mail(browser_user: BrowserUser) -> None:
    page = await browser_user.http.get("/register")
    sent = hidden_fields(page) | FORM
    answers = await asyncio.gather(*(browser_user.http.post("/register", data=sent) for _ in range(3)))
    [place] = {answer.headers["location"] for answer in answers}
    code = await browser_user.code()
    entered = await asyncio.gather(*(browser_user.enter(place, code) for _ in range(3)))
    assert {answer.headers.get("location") for answer in entered} == {f"{place}/done"}
    await browser_user.procedure(place).result()
    assert len(browser_user.environment.inbox.to(HANAKO)) == 1
    assert len(await browser_user.rows(AddressCheckRow)) == 1


async def test_y26_strangers_who_use_up_the_mails_of_an_address_do_not_keep_its_owner_from_registering(
    browser_user: BrowserUser,
) -> None:
    await browser_user.begun()  # a stranger's
    link = await own_address_link(browser_user)
    limits = Limits(browser_user.environment.sessions, SECRET_KEYS)
    for _ in range(1, YayoiLimit.REGISTRATION_MAIL_DAILY.value.most):
        await limits.count((YayoiLimit.REGISTRATION_MAIL_DAILY, HANAKO))
    async with elsewhere(browser_user.http) as http:
        owner = BrowserUser(browser_user.environment, http)
        refused = await owner.send("/register", FORM)
        assert refused.status_code == 429
        assert "本日届いた、弥生からのメールにあるリンクを開いてください" in text_of(refused)
        assert (await http.get(link)).headers["location"] == "/register"
        place = await owner.begun()
        assert (await owner.enter(place, await owner.code(2))).headers["location"] == f"{place}/done"
    assert (await browser_user.send("/register", FORM | {"yayoi_id": "other@shouji.example.jp"})).status_code == 422


async def own_address_link(browser_user: BrowserUser) -> str:
    body = (await browser_user.mail()).get_body(("plain",))
    assert body is not None
    [link] = re.findall(r"http://web\.test(/register/\S+/mail\?link=\S+)", body.get_content())
    return str(link)


async def test_y26_a_link_of_another_request_makes_no_device_known(browser_user: BrowserUser) -> None:
    await browser_user.begun()
    token = (await own_address_link(browser_user)).partition("?link=")[2]
    other = FORM | dict.fromkeys(("yayoi_id", "yayoi_id_confirmation"), "other@shouji.example.jp")
    place = await browser_user.begun(fields=other)
    for made_up in (token, "x", ""):
        answer = await browser_user.http.get(f"{place}/mail", params={"link": made_up})
        assert answer.status_code == 404
        assert "set-cookie" not in answer.headers or "device" not in answer.headers["set-cookie"]


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"family_name": "Yayoi"}, "姓 ：全角で入力してください（例：弥生 太郎）。"),
        ({"given_name": ""}, "名 ：入力してください。"),
        ({"yayoi_id": "hanako"}, "メールアドレス（弥生ID） ：メールアドレスの形式で入力してください"),
        ({"yayoi_id_confirmation": "h@x.example.jp"}, "（確認のためもう一度） ：メールアドレスと一致しません。"),
        ({"password": "Aa3!aaa"}, "パスワード ：半角の英字・数字・記号 8～64 文字で入力してください"),
        ({"password": "a" * 65}, "パスワード ：半角の英字・数字・記号 8～64 文字で入力してください"),
        ({"password": "ａａａａａａａａ"}, "パスワード ：使えない文字（全角文字や空白など）が含まれています。"),
        ({"password_confirmation": "Aa3!aaab"}, "（確認のためもう一度） ：パスワードと一致しません。"),
        ({"terms": ""}, "への同意 ：利用規約とプライバシーポリシーをお読みのうえ、同意してください。"),
    ],
)
async def test_y26_what_is_wrong_is_said_beside_its_field_and_on_top(
    browser_user: BrowserUser, changed: dict[str, str], message: str
) -> None:
    answer = await browser_user.send("/register", FORM | changed)
    assert answer.status_code == 422
    text = text_of(answer)
    assert "1 か所を確認してください" in text
    assert message in text
    assert PASSWORD not in answer.text
    assert all(typed not in answer.text for name, typed in changed.items() if "password" in name)
    assert 'value="花子"' in answer.text or "given_name" in changed
    assert await browser_user.rows(AddressCheckRow) == []


async def test_y26_all_that_is_wrong_is_said_in_one_round(browser_user: BrowserUser) -> None:
    answer = await browser_user.send("/register", dict.fromkeys(FORM, ""))
    text = text_of(answer)
    assert f"{len(FORM)} か所を確認してください" in text
    assert "パスワード（確認のためもう一度） ：入力してください。" in text


async def test_y26_the_pages_say_what_they_want_before_anything_is_wrong(browser_user: BrowserUser) -> None:
    text = text_of(await browser_user.http.get("/register"))
    for fact in (
        "半角の英字・数字・記号 8～64 文字。英字の大文字と小文字は区別されます。",
        "貼り付けて入力することもできます。",
        "弥生からのお知らせ・お得な情報をメールで受信する 任意",
        "「弥生関連サービス基本利用規約」およびプライバシーポリシーに同意します 必須",
    ):
        assert fact in text


async def test_y26_an_address_already_registered_is_refused_with_the_sources_own_message(
    browser_user: BrowserUser,
) -> None:
    answer = await browser_user.send(
        "/register", FORM | dict.fromkeys(("yayoi_id", "yayoi_id_confirmation"), OFFICE_B[0])
    )
    assert answer.status_code == 422
    assert "ご入力いただいたメールアドレスでは登録できません。" in text_of(answer)
    assert "別のメールアドレスで登録してください。" in text_of(answer)
    assert await browser_user.rows(AddressCheckRow) == []


async def test_y26_of_two_who_register_the_same_address_at_once_exactly_one_wins(browser_user: BrowserUser) -> None:
    places = [await browser_user.begun(), await browser_user.begun(fields=FORM | {"given_name": "次郎"})]
    await browser_user.mail(2)
    async with browser_user.environment.sessions() as session:
        rows = [await session.get_one(AddressCheckRow, check_id_of(place)) for place in places]
    codes = {}
    for number in (1, 2):
        body = (await browser_user.mail(number)).get_body(("plain",))
        assert body is not None
        given = "次郎" if "次郎" in body.get_content() else "花子"
        codes[given] = await browser_user.code(number)
    answers = await asyncio.gather(
        *(browser_user.enter(place, codes[row.given_name or ""]) for place, row in zip(places, rows, strict=True))
    )
    assert sorted(answer.status_code for answer in answers) == [303, 422]
    [refused] = [answer for answer in answers if answer.status_code == 422]
    assert ALREADY_REGISTERED in text_of(refused)
    async with browser_user.environment.sessions() as session:
        made = (await session.scalars(YayoiIdRow.of(HANAKO))).one()
    [won] = [row for row, answer in zip(rows, answers, strict=True) if answer.status_code == 303]
    assert made.given_name == won.given_name


# --- codes -----------------------------------------------------------------------------------------------------------


async def test_y26_five_wrong_codes_end_a_code_and_a_new_one_is_needed(browser_user: BrowserUser) -> None:
    place = await browser_user.begun()
    code = await browser_user.code()
    assert NO_DIGITS in text_of(await browser_user.enter(place, "12345"))  # no code at all: no try is lost
    for left in range(MOST_TRIES - 1, 0, -1):
        assert f"あと {left} 回入力できます" in text_of(await browser_user.enter(place, wrong(code)))
    assert TRIES_USED in text_of(await browser_user.enter(place, wrong(code)))
    assert TRIES_USED in text_of(await browser_user.enter(place, code))  # the right one comes too late
    await browser_user.later(place, ONE_CLICK)
    again = await browser_user.send(place, {}, action=f"{place}/resend")
    assert "新しい確認コードをお送りしました。" in text_of(await browser_user.http.get(again.headers["location"]))
    new = await browser_user.code(2)
    assert new != code
    assert (await browser_user.enter(place, new)).status_code == 303


async def test_y26_what_the_page_says_was_mailed_was_mailed(browser_user: BrowserUser) -> None:
    place = await browser_user.begun()
    code = await browser_user.code()
    at_once = await browser_user.send(place, {}, action=f"{place}/resend")
    said = text_of(await browser_user.http.get(at_once.headers["location"]))
    assert "先ほどお送りした確認コードが、まだ使えます。新しいメールはお送りしていません。" in said
    assert "新しい確認コードをお送りしました。" not in said
    assert (await browser_user.row(place)).code_no == 1
    for _ in range(MOST_TRIES):
        await browser_user.enter(place, wrong(code))
    # One that is used up is replaced, however soon that was.
    replaced = await browser_user.send(place, {}, action=f"{place}/resend")
    assert "新しい確認コードをお送りしました。" in text_of(await browser_user.http.get(replaced.headers["location"]))
    assert (await browser_user.enter(place, await browser_user.code(2))).status_code == 303


async def test_y26_a_code_ends_after_30_minutes_and_when_a_newer_one_was_asked_for(browser_user: BrowserUser) -> None:
    place = await browser_user.begun()
    code = await browser_user.code()
    await browser_user.later(place, timedelta(minutes=29))
    await browser_user.later(place, timedelta(minutes=1))
    assert "この確認コードの有効期限が切れています。" in text_of(await browser_user.enter(place, code))
    await browser_user.send(place, {}, action=f"{place}/resend")
    new = await browser_user.code(2)
    assert "確認コードが違います。" in text_of(await browser_user.enter(place, code))
    await browser_user.later(place, timedelta(minutes=29))
    assert (await browser_user.enter(place, new)).status_code == 303


async def test_y26_a_code_is_sent_again_five_times_at_most_and_a_double_click_is_once(
    browser_user: BrowserUser,
) -> None:
    place = await browser_user.begun()
    for number in range(2, MOST_CODES + 1):
        await browser_user.code(number - 1)
        await browser_user.later(place, ONE_CLICK)
        page = await browser_user.http.get(place)
        sent = hidden_fields(page, f"{place}/resend")
        await asyncio.gather(*(browser_user.http.post(f"{place}/resend", data=sent) for _ in range(2)))
        async with browser_user.environment.sessions.begin() as session:  # the limit per mail address is another test's
            await session.execute(delete(RateCountRow))
        assert (await browser_user.row(place)).code_no == number
    await browser_user.code(MOST_CODES)
    await browser_user.later(place, ONE_CLICK)
    used = await browser_user.http.post(f"{place}/resend", data={})
    assert CODES_USED in text_of(used)
    assert "確認コードをもう一度送る" not in text_of(await browser_user.http.get(place))
    assert len(browser_user.environment.inbox.to(HANAKO)) == MOST_CODES


@pytest.mark.long
async def test_no_inbox_is_filled_and_no_client_asks_for_addresses_without_end(browser_user: BrowserUser) -> None:
    for _ in range(6):
        await browser_user.begun()
    refused = await browser_user.send("/register", FORM)
    assert refused.status_code == 429
    assert "分ほどたってから" in refused.text
    registered = FORM | dict.fromkeys(("yayoi_id", "yayoi_id_confirmation"), OFFICE_B[0])
    answers = [await browser_user.send("/register", registered) for _ in range(25)]
    assert {answer.status_code for answer in answers} == {422, 429}


# --- what is not finished --------------------------------------------------------------------------------------------


async def test_y26_what_is_not_finished_in_24_hours_is_deleted_with_every_trace(
    browser_user: BrowserUser,
) -> None:
    place = await browser_user.begun()
    code = await browser_user.code()
    procedure = browser_user.procedure(place)
    await browser_user.environment.temporal.fast_forward(procedure, ADDRESS_CHECK_LASTS + timedelta(minutes=1))
    assert await procedure.result() is CheckOutcome.EXPIRED
    assert await browser_user.rows(AddressCheckRow) == []
    assert await browser_user.rows(NoticeRow) == []
    gone = await browser_user.http.get(place)
    assert gone.status_code == 404
    assert "24 時間の期限が過ぎています" in text_of(gone)
    answer = await browser_user.send("/register", {}, action="/register")  # any form of ours
    late = await browser_user.http.post(place, data=hidden_fields(answer) | {"code": code})
    assert late.status_code == 404
    assert await browser_user.begun()  # the address is free


async def test_y26_after_24_hours_the_page_is_over_even_before_its_procedure_has_noticed(
    browser_user: BrowserUser,
) -> None:
    place = await browser_user.begun()
    code = await browser_user.code()
    page = await browser_user.http.get(place)
    await browser_user.later(place, ADDRESS_CHECK_LASTS)
    late = await browser_user.http.post(place, data=hidden_fields(page, place) | {"code": code})
    assert late.status_code == 404
    async with browser_user.environment.sessions() as session:
        assert await session.scalar(YayoiIdRow.of(HANAKO)) is None


async def test_a_signal_with_made_up_content_neither_finishes_a_registration_nor_mails_another_code(
    browser_user: BrowserUser,
) -> None:
    place = await browser_user.begun()
    code = await browser_user.code()
    procedure = browser_user.procedure(place)
    await procedure.signal(ROW_CHANGED, {"code_no": 3, "finished": True})
    await procedure.signal(ACTIVITY_FAILING, "send_code")
    await settled(browser_user.environment.temporal, procedure)
    assert (await procedure.describe()).status is WorkflowExecutionStatus.RUNNING
    assert (await browser_user.status(place)).stage == CheckStage.CODE
    assert "処理の失敗が続いている" not in await browser_user.details(place)
    assert len(browser_user.environment.inbox.to(HANAKO)) == 1
    await browser_user.enter(place, code)
    assert await procedure.result() is CheckOutcome.FINISHED


async def test_where_a_registration_is_at_is_in_its_row_from_beginning_to_end(browser_user: BrowserUser) -> None:
    place = await browser_user.begun()
    status, row = await browser_user.status(place), await browser_user.row(place)
    assert (status.stage, status.waiting_for, status.since) == (CheckStage.CODE, WaitingFor.APPLICANT, row.begun_at)
    await browser_user.enter(place, await browser_user.code())
    await browser_user.procedure(place).result()
    status = await browser_user.status(place)
    assert (status.stage, status.outcome) == (CheckStage.CLOSED, CheckOutcome.FINISHED)


async def test_what_was_never_closed_is_deleted_and_its_row_says_so(browser_user: BrowserUser) -> None:
    """Somebody has terminated the procedure."""
    place = await browser_user.begun()
    await browser_user.mail()
    await browser_user.procedure(place).terminate()
    await browser_user.later(place, 2 * ADDRESS_CHECK_LASTS)
    sessions = browser_user.environment.sessions
    await AddressChecks(sessions, SECRET_KEYS, lambda: None, utc_now).forget()
    assert await browser_user.rows(AddressCheckRow) == []
    status = await browser_user.status(place)
    assert (status.stage, status.outcome) == (CheckStage.CLOSED, CheckOutcome.EXPIRED)


async def test_an_operator_ends_a_registration_and_nothing_is_left_of_it(browser_user: BrowserUser) -> None:
    place = await browser_user.begun()
    await browser_user.mail()
    procedure = browser_user.procedure(place)
    explained = {"text_for_customer": "別の方のアドレスでした。"}
    await procedure.execute_update("end_check", {"reason": "お電話", **explained})
    assert await procedure.result() is CheckOutcome.CANCELLED
    page = await browser_user.http.get(place)
    assert page.status_code == 404
    assert "弊社で終了しました。別の方のアドレスでした。お手数ですが、最初から" in page.text
    assert "お電話" not in page.text
    assert await browser_user.rows(AddressCheckRow) == []
    assert "取り消した" in await browser_user.details(place)
    status = await browser_user.status(place)
    assert (status.stage, status.outcome) == (CheckStage.CLOSED, CheckOutcome.CANCELLED)
    audited = [(row.by, row.reason) for row in await browser_user.rows(AuditRow)]
    assert audited == [("operator:sk", "お電話")]


async def test_request_cancellation_of_a_registration_is_for_an_operator_to_decide(browser_user: BrowserUser) -> None:
    place = await browser_user.begun()
    await browser_user.mail()
    await browser_user.procedure(place).cancel()

    async def asked() -> bool:
        return CANCELLATION_ASKED in await browser_user.details(place)

    await until(asked)

    async def row_says_so() -> bool:
        status = await browser_user.status(place)
        return (status.stage, status.waiting_for, status.outcome) == (CheckStage.CODE, WaitingFor.OPERATOR, None)

    await until(row_says_so)
    await browser_user.procedure(place).execute_update("end_check", {"reason": "お電話"})
    assert await browser_user.procedure(place).result() is CheckOutcome.CANCELLED


async def test_a_mistyped_address_is_seen_by_operators_and_begun_anew_by_the_customer(
    browser_user: BrowserUser,
) -> None:
    browser_user.environment.inbox.unknown.add(HANAKO)
    place = await browser_user.begun()

    async def noted() -> bool:
        with suppress(RPCError):  # it may not have been started yet
            return "確認コードのメールを送信できなかった（1 回目）：" in await browser_user.details(place)
        return False

    await until(noted)
    assert "正しいメールアドレスでやり直せます" in await browser_user.details(place)
    browser_user.environment.inbox.unknown.clear()
    await browser_user.later(place, ONE_CLICK)
    await browser_user.send(place, {}, action=f"{place}/resend")  # it goes on: the next code may arrive
    await browser_user.code()


async def test_a_code_whose_mail_comes_back_is_seen_by_operators(browser_user: BrowserUser) -> None:
    place = await browser_user.begun()
    mail = await browser_user.mail()
    assert await come_back(browser_user.environment, mail) is BounceOutcome.STORED

    async def noted() -> bool:
        return "メールが届かずに戻った：宛先のメールアドレスがありません。" in await browser_user.details(place)

    await until(noted)
    assert HANAKO not in await browser_user.details(place)
    assert "正しいメールアドレスでやり直せます" in await browser_user.details(place)
    assert await come_back(browser_user.environment, mail) is BounceOutcome.KNOWN


async def test_an_operators_unreadable_message_is_refused_with_what_can_be_done(browser_user: BrowserUser) -> None:
    place = await browser_user.begun()
    await browser_user.mail()
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await browser_user.procedure(place).execute_update("end_check", {"reason": ""})
    assert "いまできる操作：end_check" in str(refused.value.cause)


async def test_operators_see_where_it_stands_and_neither_address_nor_code_is_in_history(
    browser_user: BrowserUser,
) -> None:
    place = await browser_user.begun()
    code = await browser_user.code()
    receipt_no = check_id_of(place).hex[:8].upper()

    async def notified() -> bool:
        return "確認コードのメールを送信した（1 回目）" in await browser_user.details(place)

    await until(notified)
    details = await browser_user.details(place)
    for fact in (
        f"弥生ID の新規登録（受付番号 {receipt_no}）",
        "お客様が確認コードを入力するのを待っています",
        "確認コード待ち",
        "（過ぎると、入力された内容を削除して終了します）",
        "確認コードが届かない",
        "/operations/end_check)",
    ):
        assert fact in details
    assert receipt_no in text_of(await browser_user.http.get(place))
    await browser_user.enter(place, code)
    await browser_user.procedure(place).result()
    history = (await browser_user.procedure(place).fetch_history()).to_json()
    for secret in (HANAKO, "hanako", code, PASSWORD, "弥生 花子", "花子", "argon2"):
        assert secret not in history


async def test_a_registration_is_started_when_temporal_is_back(browser_user: BrowserUser) -> None:
    """Stored first: the row is sent until somebody has received it."""
    place = await browser_user.begun()
    await browser_user.mail()
    await browser_user.change(place, notified_at=None)

    async def notified() -> bool:
        return (await browser_user.row(place)).notified_at is not None

    await until(notified)
    await browser_user.procedure(place).describe()
    assert len(browser_user.environment.inbox.to(HANAKO)) == 1


async def test_a_code_of_one_purpose_opens_no_page_of_the_other(browser_user: BrowserUser) -> None:
    place = await browser_user.begun()
    assert (await browser_user.http.get(place.replace("/register/", "/password/"))).status_code == 404
    assert (await browser_user.http.get(f"/register/{uuid4()}")).status_code == 404
    assert (await browser_user.http.get("/register/nothing")).status_code == 404
    early = await browser_user.http.get(f"{place}/done")
    assert early.headers["location"] == place
