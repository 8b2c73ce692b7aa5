"""Enquiries and changes of a name: with a new contract ID refused, else brought to who answers (Y16, Y17)."""

from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta

import pytest
import pytest_asyncio
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from models.common.messages import ACTIVITY_FAILING, ROW_CHANGED
from models.common.names import UNUSABLE
from models.tables import EnquiryRow
from models.yayoi.enquiries import NAME_IS_FIXED, NO_SUPPORT
from tests.support.cases import DESK
from tests.support.customer import ASKED, Customer, customer_after_notice, errors_on, words
from tests.support.environment import TARO, YAYOI, details_of
from tests.support.settling import settled
from tests.support.smtp_inbox import SmtpInbox
from tests.support.web import hidden_fields, until
from workflows.common.activity_options import AGAIN_AFTER


@pytest_asyncio.fixture
async def customer(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment, smtp_inbox: SmtpInbox
) -> AsyncIterator[Customer]:
    async with customer_after_notice(sessions, temporal, smtp_inbox) as customer:
        yield customer


async def forwarded(customer: Customer) -> str:
    async def there() -> bool:
        return any("お問い合わせ" in mail["Subject"] for mail in customer.environment.inbox.to(DESK))

    await until(there)
    [mail] = [mail for mail in customer.environment.inbox.to(DESK) if "お問い合わせ" in mail["Subject"]]
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


async def test_y16_an_enquiry_with_a_new_id_is_refused_and_with_the_existing_one_forwarded(customer: Customer) -> None:
    answer = await customer.web.send("/enquiry", ASKED | {"contract_id": customer.issued.contract_id})
    assert errors_on(answer) == [f"サービス契約ID（お客様番号）：{NO_SUPPORT}"]
    assert "手順を教えてください。" in words(answer)  # what was typed is kept
    assert await customer.environment.rows(select(EnquiryRow)) == []

    page = await customer.http.get("/enquiry")
    fields = hidden_fields(page) | ASKED
    answers = [await customer.http.post("/enquiry", data=fields) for _ in range(2)]
    # A double click is one enquiry with one number.
    [where] = {answer.headers["location"] for answer in answers}
    [row] = await customer.environment.rows(select(EnquiryRow))
    assert where == f"/enquiry/done?receipt={row.receipt_no}"
    assert row.receipt_no in await customer.page(where)
    mail = await forwarded(customer)
    for fact in (row.receipt_no, "弥生 太郎", TARO, YAYOI, "再連携の", "手順を教えてください。"):
        assert fact in mail
    assert "一致しません" not in mail
    history = str(await customer.web.client.get_workflow_handle(f"enquiry/{row.receipt_no}").fetch_history())
    assert TARO not in history
    assert "手順" not in history


async def test_y18_the_number_that_mails_ask_for_can_be_given_and_reaches_the_desk(customer: Customer) -> None:
    assert "申込番号" in words(await customer.http.get("/enquiry"))
    wrong = await customer.web.send("/enquiry", ASKED | {"application_no": "8871304"})
    assert errors_on(wrong)[0].startswith("申込番号：")
    number = customer.case.application_no
    assert (await customer.web.send("/enquiry", ASKED | {"application_no": number.lower()})).status_code == 303
    assert f"申込番号：{number}" in await forwarded(customer)


@pytest.mark.long
async def test_y16_a_signal_with_made_up_content_forwards_nothing_again(customer: Customer) -> None:
    customer.environment.inbox.unknown.add(DESK)
    where = (await customer.web.send("/enquiry", ASKED)).headers["location"]
    procedure = customer.web.client.get_workflow_handle(f"enquiry/{where.partition('=')[2]}")

    async def waits() -> bool:
        with suppress(RPCError):  # it may not have been started yet
            return "送信できなかったメール" in await details_of(procedure)
        return False

    await until(waits)
    customer.environment.inbox.unknown.clear()
    await procedure.signal(ROW_CHANGED, {"receipt_no": "Q-999999"})
    await procedure.signal(ACTIVITY_FAILING, "forward_enquiry")
    await settled(customer.environment.temporal, procedure)
    assert customer.environment.inbox.to(DESK) == []
    await customer.environment.temporal.fast_forward(procedure, AGAIN_AFTER + timedelta(minutes=1))
    await procedure.result()
    await forwarded(customer)


async def test_y16_a_number_that_is_unknown_is_no_reason_to_lose_an_enquiry(customer: Customer) -> None:
    answer = await customer.web.send("/enquiry", ASKED | {"contract_id": "6999999", "mail_address": "x@example.jp"})
    assert answer.status_code == 303
    assert "このお客様番号の登録はありません。" in await forwarded(customer)


@pytest.mark.long
async def test_what_is_missing_or_too_long_is_said(customer: Customer) -> None:
    answer = await customer.web.send("/enquiry", {"contract_id": "1234567", "mail_address": "not an address"})
    assert [error.split("：")[0] for error in errors_on(answer)] == [
        "サービス契約ID（お客様番号）",
        "お名前",
        "メールアドレス",
        "お問い合わせの内容",
    ]
    answer = await customer.web.send("/enquiry", ASKED | {"text": "あ" * 2001})
    assert errors_on(answer) == ["お問い合わせの内容：2000 文字以内で入力してください。"]
    answer = await customer.web.send("/enquiry", ASKED | {"name": "弥生\r\nBcc: x@example.jp"})
    assert errors_on(answer) == [f"お名前：{UNUSABLE.format(code='U+000D')}"]


@pytest.mark.long
async def test_y17_the_name_of_a_new_id_cannot_be_changed_and_the_page_says_where_it_can(customer: Customer) -> None:
    answer = await customer.web.send("/name-change", {"contract_id": customer.issued.contract_id})
    assert errors_on(answer) == [f"サービス契約ID（お客様番号）：{NAME_IS_FIXED}"]
    for number in (YAYOI, "6999999"):  # whether a number exists is disclosed to nobody
        answer = await customer.web.send("/name-change", {"contract_id": number})
        assert answer.status_code == 200
        assert "お問い合わせへ進む" in words(answer)
    assert "登録名義の変更について" in await customer.page("/enquiry?about=name")
