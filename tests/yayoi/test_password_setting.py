"""A new password of a Yayoi ID: by a mailed code, and without disclosing which addresses are registered."""

import re
from collections.abc import AsyncIterator

import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.testing import WorkflowEnvironment

from models.tables import WebSessionRow
from models.yayoi.address_checks import MOST_TRIES, CheckOutcome
from models.yayoi.store.address_checks import ONE_CLICK
from tests.support.browser_user import HANAKO, NEW, OTHER_PASSWORD, PASSWORD, BrowserUser, browser_user_on, check_id_of
from tests.support.environment import OFFICE_B
from tests.support.smtp_inbox import SmtpInbox
from tests.support.web import text_of


@pytest_asyncio.fixture
async def browser_user(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment, smtp_inbox: SmtpInbox
) -> AsyncIterator[BrowserUser]:
    async with browser_user_on(sessions, temporal, smtp_inbox) as browser_user:
        yield browser_user


async def test_a_yayoi_id_of_the_registry_gets_its_first_password_by_a_mailed_code(browser_user: BrowserUser) -> None:
    address = OFFICE_B[0]
    place = await browser_user.begun("/password", {"yayoi_id": address})
    assert await browser_user.sign_in(OTHER_PASSWORD, address) == 422
    answer = await browser_user.enter(place, await browser_user.code(1, address), **NEW)
    assert answer.headers["location"] == f"{place}/done"
    assert await browser_user.sign_in(OTHER_PASSWORD, address) == 303
    assert await browser_user.procedure(place).result() is CheckOutcome.FINISHED
    mail = await browser_user.mail(2, address)
    assert mail["Subject"] == "【弥生】パスワードを設定しました"


async def test_a_refused_mail_at_the_end_leaves_the_procedure_finished(browser_user: BrowserUser) -> None:
    address = OFFICE_B[0]
    place = await browser_user.begun("/password", {"yayoi_id": address})
    code = await browser_user.code(1, address)
    browser_user.environment.inbox.unknown.add(address)
    await browser_user.enter(place, code, **NEW)
    assert await browser_user.procedure(place).result() is CheckOutcome.FINISHED
    assert "パスワードが設定されたことをメールで知らせられなかった" in await browser_user.details(place)


async def test_a_forgotten_password_is_replaced_and_every_session_ends(browser_user: BrowserUser) -> None:
    registered = await browser_user.begun()
    await browser_user.enter(registered, await browser_user.code())
    assert await browser_user.sign_in(PASSWORD) == 303
    place = await browser_user.begun("/password", {"yayoi_id": HANAKO})
    assert len(await browser_user.rows(WebSessionRow)) == 1
    await browser_user.enter(place, await browser_user.code(2), **NEW)
    assert await browser_user.rows(WebSessionRow) == []
    assert await browser_user.sign_in(PASSWORD) == 422
    assert await browser_user.sign_in(OTHER_PASSWORD) == 303


async def test_a_password_that_cannot_be_used_costs_no_try_of_the_code(browser_user: BrowserUser) -> None:
    address = OFFICE_B[0]
    place = await browser_user.begun("/password", {"yayoi_id": address})
    code = await browser_user.code(1, address)
    short = await browser_user.enter(place, code, password="short", password_confirmation="short")
    assert "新しいパスワード ：半角の英字・数字・記号 8～64 文字で入力してください" in text_of(short)
    row = await browser_user.row(place)
    assert (row.tries, row.finished_at) == (0, None)


async def test_the_answers_do_not_disclose_whether_an_address_is_registered(browser_user: BrowserUser) -> None:
    """The same pages, the same words, the same counting; only the owner of a registered address gets a mail."""

    async def way(address: str) -> list[tuple[int, str]]:
        place = await browser_user.begun("/password", {"yayoi_id": address})
        answers = [await browser_user.http.get(place)]
        answers += [await browser_user.enter(place, "000000", **NEW) for _ in range(MOST_TRIES + 1)]
        await browser_user.later(place, ONE_CLICK)
        answers.append(await browser_user.send(place, {}, action=f"{place}/resend"))
        receipt_no = check_id_of(place).hex[:8].upper()
        return [(each.status_code, _without(text_of(each), receipt_no)) for each in answers]

    registered, unknown = OFFICE_B[0], "office-x@yayoi-taro.example.jp"
    assert await way(registered) == await way(unknown)
    await browser_user.mail(2, registered)
    assert browser_user.environment.inbox.to(unknown) == []


def _without(text: str, receipt_no: str) -> str:
    return re.sub(r"\d+月\d+日 \d\d:\d\d", "", text.replace(receipt_no, ""))
