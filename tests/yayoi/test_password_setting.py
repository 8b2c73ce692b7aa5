"""A new password of a Yayoi ID: by a mailed code, and without disclosing which addresses are registered."""

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.testing import WorkflowEnvironment

from models.tables import WebSessionRow
from models.yayoi.address_checks import MOST_TRIES, CheckOutcome, CheckPurpose
from models.yayoi.store.address_checks import ONE_CLICK
from tests.support.browser_user import HANAKO, NEW, OTHER_PASSWORD, PASSWORD, BrowserUser, browser_user_on, check_id_of
from tests.support.environment import OFFICE_B
from tests.support.secret_key import SECRET_KEYS
from tests.support.smtp_inbox import SmtpInbox
from tests.support.web import elsewhere, text_of
from web.common.auth.rate_limits import Limits, SharedLimit
from web.yayoi.accounts.password import MAILED_TODAY
from web.yayoi.limits import YayoiGuess, YayoiLimit


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


@pytest.mark.long
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


async def link_in(browser_user: BrowserUser, number: int, address: str) -> str:
    body = (await browser_user.mail(number, address)).get_body(("plain",))
    assert body is not None
    [link] = re.findall(r"http://web\.test(/password/\S+\?link=\S+)", body.get_content())
    return str(link)


async def test_the_link_in_the_mail_sets_a_password_without_the_code_once(browser_user: BrowserUser) -> None:
    address = OFFICE_B[0]
    place = await browser_user.begun("/password", {"yayoi_id": address})
    link = await link_in(browser_user, 1, address)
    page = await browser_user.http.get(link)
    assert "確認コードの入力は必要ありません" in text_of(page)
    assert 'name="code"' not in page.text
    refused = await browser_user.send(link, NEW | {"password": "short"}, action=place)
    assert "8～64 文字" in text_of(refused)
    assert "確認コードの入力は必要ありません" in text_of(refused)  # the address keeps the link
    answer = await browser_user.send(link, NEW, action=place)
    assert answer.headers["location"] == f"{place}/done"
    assert await browser_user.sign_in(OTHER_PASSWORD, address) == 303
    assert (await browser_user.http.get(link)).headers["location"] == f"{place}/done"
    for made_up in (link[:-1], link.replace("link=", "link=x")):
        begun = await browser_user.begun("/password", {"yayoi_id": address})
        opened = await browser_user.http.get(made_up.replace(place, begun))
        assert 'name="code"' in opened.text


async def test_a_link_opens_no_other_request_and_no_registration(browser_user: BrowserUser) -> None:
    address = OFFICE_B[0]
    await browser_user.begun("/password", {"yayoi_id": address})
    token = (await link_in(browser_user, 1, address)).partition("?")[2]
    other = await browser_user.begun("/password", {"yayoi_id": address})
    registration = await browser_user.begun()
    for place in (other, registration):
        assert 'name="code"' in (await browser_user.http.get(f"{place}?{token}")).text
        answer = await browser_user.send(place, NEW | {"code": "000000", "link": token.partition("=")[2]}, action=place)
        assert answer.status_code == 422


@pytest.mark.long
async def test_strangers_who_request_again_and_again_take_the_owners_new_password_away_from_nobody(
    browser_user: BrowserUser,
) -> None:
    """Mails of a day are bounded, and each holds a link that lives until the day is over."""
    address, most = OFFICE_B[0], YayoiLimit.PASSWORD_MAIL_DAILY.value.most
    for number in range(most + 3):
        async with elsewhere(browser_user.http, f"198.51.100.{number}") as stranger:
            await BrowserUser(browser_user.environment, stranger).begun("/password", {"yayoi_id": address})
    last = await link_in(browser_user, most, address)
    refused = await browser_user.send("/password", {"yayoi_id": address})
    assert refused.headers["location"] == MAILED_TODAY
    page = await browser_user.http.get(MAILED_TODAY)
    assert CheckPurpose.NEW_PASSWORD.mail_subject in page.text
    assert len(browser_user.environment.inbox.to(address)) == most
    place = last.partition("?")[0]
    assert (await browser_user.send(last, NEW, action=place)).headers["location"] == f"{place}/done"
    assert await browser_user.sign_in(OTHER_PASSWORD, address) == 303


async def test_second_mails_of_strangers_leave_the_last_mails_of_a_day_to_new_requests(
    browser_user: BrowserUser,
) -> None:
    address = OFFICE_B[0]
    limits = Limits(browser_user.environment.sessions, SECRET_KEYS)
    for _ in range(YayoiLimit.PASSWORD_MAIL_AGAIN_DAILY.value.most - 1):
        await limits.count((YayoiLimit.PASSWORD_MAIL_DAILY, address))
    place = await browser_user.begun("/password", {"yayoi_id": address})
    await browser_user.later(place, ONE_CLICK)
    assert (await browser_user.send(place, {}, action=f"{place}/resend")).status_code == 429
    assert "/mailed-today" not in await browser_user.begun("/password", {"yayoi_id": address})


@pytest.mark.long
async def test_one_client_requests_mails_to_an_address_only_so_often(browser_user: BrowserUser) -> None:
    address, most = OFFICE_B[0], SharedLimit.MAIL.value.most
    for _ in range(most):
        await browser_user.begun("/password", {"yayoi_id": address})
    assert (await browser_user.send("/password", {"yayoi_id": address})).status_code == 429
    async with elsewhere(browser_user.http) as owner:
        assert await BrowserUser(browser_user.environment, owner).begun("/password", {"yayoi_id": address})


@pytest.mark.long
async def test_whoever_has_set_a_new_password_signs_in_whatever_strangers_have_tried(
    browser_user: BrowserUser,
) -> None:
    address = OFFICE_B[0]
    limits = Limits(browser_user.environment.sessions, SECRET_KEYS)
    for _ in range(SharedLimit.GUESSES_OF_STRANGERS.value.most):
        await limits.count((SharedLimit.GUESSES_OF_STRANGERS, YayoiGuess.SIGN_IN.of(address)))
    refused = await browser_user.send("/sign-in", {"yayoi_id": address, "password": OTHER_PASSWORD})
    assert refused.status_code == 429
    assert "メールでご本人を確認して新しいパスワードを設定すると、すぐにログインできます。" in text_of(refused)
    place = await browser_user.begun("/password", {"yayoi_id": address})
    await browser_user.enter(place, await browser_user.code(1, address), **NEW)
    assert await browser_user.sign_in(OTHER_PASSWORD, address) == 303


@pytest.mark.long
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
