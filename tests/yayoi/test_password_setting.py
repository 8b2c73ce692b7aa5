"""A new password of a Yayoi ID: by a mailed code, and without telling anybody which addresses are registered."""

import re
from collections.abc import AsyncIterator

import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.testing import WorkflowEnvironment

from models.tables import WebSessionRow
from models.yayoi.address_checks import MOST_TRIES, CheckOutcome
from models.yayoi.store.address_checks import ONE_CLICK
from tests.myics.registration_town import HANAKO, NEW, OTHER_PASSWORD, PASSWORD, Town, check_id_of, open_town
from tests.support.smtp_inbox import SmtpInbox
from tests.support.web_world import text_of
from tests.support.world import OFFICE_B


@pytest_asyncio.fixture
async def town(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment, smtp_inbox: SmtpInbox
) -> AsyncIterator[Town]:
    async with open_town(sessions, temporal, smtp_inbox) as town:
        yield town


async def test_a_yayoi_id_of_the_registry_gets_its_first_password_by_a_mailed_code(town: Town) -> None:
    address = OFFICE_B[0]
    place = await town.begun("/password", {"yayoi_id": address})
    assert await town.sign_in(OTHER_PASSWORD, address) == 422
    answer = await town.enter(place, await town.code(1, address), **NEW)
    assert answer.headers["location"] == f"{place}/done"
    assert await town.sign_in(OTHER_PASSWORD, address) == 303
    assert await town.procedure(place).result() is CheckOutcome.FINISHED
    told = await town.mail(2, address)
    assert told["Subject"] == "【弥生】パスワードを設定しました"


async def test_a_refused_mail_at_the_end_leaves_the_procedure_finished(town: Town) -> None:
    address = OFFICE_B[0]
    place = await town.begun("/password", {"yayoi_id": address})
    code = await town.code(1, address)
    town.world.inbox.unknown.add(address)
    await town.enter(place, code, **NEW)
    assert await town.procedure(place).result() is CheckOutcome.FINISHED
    assert "パスワードが設定されたことをメールで知らせられなかった" in await town.details(place)


async def test_a_forgotten_password_is_replaced_and_every_session_ends(town: Town) -> None:
    registered = await town.begun()
    await town.enter(registered, await town.code())
    assert await town.sign_in(PASSWORD) == 303
    place = await town.begun("/password", {"yayoi_id": HANAKO})
    assert len(await town.rows(WebSessionRow)) == 1
    await town.enter(place, await town.code(2), **NEW)
    assert await town.rows(WebSessionRow) == []
    assert await town.sign_in(PASSWORD) == 422
    assert await town.sign_in(OTHER_PASSWORD) == 303


async def test_a_password_that_cannot_be_used_costs_no_try_of_the_code(town: Town) -> None:
    address = OFFICE_B[0]
    place = await town.begun("/password", {"yayoi_id": address})
    code = await town.code(1, address)
    short = await town.enter(place, code, password="short", password_confirmation="short")
    assert "新しいパスワード ：半角の英字・数字・記号 8～64 文字で入力してください" in text_of(short)
    row = await town.row(place)
    assert (row.tries, row.finished_at) == (0, None)


async def test_the_answers_do_not_tell_whether_an_address_is_registered(town: Town) -> None:
    """The same pages, the same words, the same counting; only the owner of a registered address gets a mail."""

    async def way(address: str) -> list[tuple[int, str]]:
        place = await town.begun("/password", {"yayoi_id": address})
        answers = [await town.http.get(place)]
        answers += [await town.enter(place, "000000", **NEW) for _ in range(MOST_TRIES + 1)]
        await town.later(place, ONE_CLICK)
        answers.append(await town.send(place, {}, action=f"{place}/resend"))
        receipt_no = check_id_of(place).hex[:8].upper()
        return [(each.status_code, _without(text_of(each), receipt_no)) for each in answers]

    registered, unknown = OFFICE_B[0], "office-x@yayoi-taro.example.jp"
    assert await way(registered) == await way(unknown)
    await town.mail(2, registered)
    assert town.world.inbox.to(unknown) == []


def _without(text: str, receipt_no: str) -> str:
    return re.sub(r"\d+月\d+日 \d\d:\d\d", "", text.replace(receipt_no, ""))
