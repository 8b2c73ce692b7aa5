"""The links in the mails to a contract's holder are ended by them and by operators, and made anew (Y5a)."""

from collections.abc import AsyncIterator, Awaitable, Callable
from email.message import EmailMessage
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from sqlalchemy import select
from temporalio.client import WorkflowUpdateFailedError

from models.tables import HolderConfirmationRow
from models.yayoi.deadlines import HOLDER_MAIL_EVERY
from models.yayoi.operator_actions import LinkHolder, RenewLink
from models.yayoi.procedures import Stage
from tests.support.customer import words
from tests.support.ending import end
from tests.support.environment import OFFICE_B, OFFICE_C, Case, Environment, at_rest
from tests.support.holder import application_link, apply_without_link, asked, links_in, named_in, pages_of, press
from tests.support.web import Web, end_cases, hidden_fields, until

OF_HOLDER = RenewLink(reason="お電話", whose=LinkHolder.HOLDER)


@pytest_asyncio.fixture
async def pages(environment: Environment) -> AsyncIterator[Web]:
    async with pages_of(environment) as web:
        yield web
    await end_cases(web, environment.client)


async def by_holder(pages: Web, case: Case) -> None:
    page = await pages.http.get(links_in(asked(case.environment.inbox)[0], case.application_no)[0])
    answer = await pages.http.post("/holder/confirm/link/end", data=hidden_fields(page, "/holder/confirm/link/end"))
    assert "リンクを無効にしました" in words(await pages.http.get(answer.headers["location"]))


async def by_operator(_: Web, case: Case) -> None:
    await case.act(OF_HOLDER)


async def proves(pages: Web, mail: EmailMessage) -> bool:
    """Whether who applies by the mail's link need not be confirmed."""
    page = await pages.http.get(application_link(mail))
    return bool(hidden_fields(page, "/apply").get("holder_link"))


async def opens_nothing(pages: Web, mail: EmailMessage, number: str) -> None:
    for link in links_in(mail, number):
        where, token = urlsplit(link).path, urlsplit(link).query.partition("=")[2]
        for answer in (await pages.http.get(link), await pages.http.post(where, data={"link": token, "shown": "x"})):
            assert answer.status_code == 410
            assert "このリンク（URL）は無効になっています" in answer.text
    assert not await proves(pages, mail)


@pytest.mark.parametrize("ended", [by_holder, pytest.param(by_operator, marks=pytest.mark.long)])
async def test_y5a_links_that_others_know_are_ended_and_a_new_mail_has_new_ones(
    environment: Environment, pages: Web, ended: Callable[[Web, Case], Awaitable[None]]
) -> None:
    case = await apply_without_link(environment)
    await at_rest(case, Stage.CONFIRMATION)
    other = await apply_without_link(environment, OFFICE_C[0])  # it waits for the mail of the next hour
    await at_rest(other, Stage.CONFIRMATION)
    await ended(pages, case)
    [first] = asked(environment.inbox)
    await opens_nothing(pages, first, case.application_no)
    await notified(environment)
    for each in (case, other):
        await each.until(await each.now() + HOLDER_MAIL_EVERY)
    [_, again] = asked(environment.inbox)
    assert named_in(again) == [case.application_no, other.application_no]
    confirm, _ = links_in(again, case.application_no)
    await opens_nothing(pages, first, case.application_no)
    # By a link that is ended, nobody ends the new ones.
    stale = urlsplit(links_in(first, case.application_no)[0]).query.partition("=")[2]
    await pages.http.post("/holder/confirm/link/end", data={"link": stale})
    assert "このお申し込みは確認済みです" in words(await press(pages, confirm))
    await at_rest(case, Stage.SET_UP)
    assert [issued.yayoi_id for issued in await case.issued()] == [OFFICE_B[0]]
    assert await proves(pages, again)
    assert [row.action for row in await case.audit()].count("契約者のリンクを無効にした") == 1
    # What lets apply without being asked is ended also when nothing waits any more.
    await case.act(OF_HOLDER)
    assert not await proves(pages, again)
    await end(case.application, case.office(), other.application, other.office())


async def notified(environment: Environment) -> None:
    """Wait until the procedures have been told to look."""
    row = HolderConfirmationRow

    async def are_notified() -> bool:
        waiting = select(row.confirmation_id).where(row.notified_at < row.changed_at)
        return not await environment.rows(waiting)

    await until(are_notified)


async def test_y5a_as_long_as_the_holder_is_waited_for_there_is_no_link_but_theirs(environment: Environment) -> None:
    case = await apply_without_link(environment)
    await at_rest(case, Stage.CONFIRMATION)
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await case.act(RenewLink(reason="お電話", whose=LinkHolder.PAIR))
    assert "申込者にはまだメールを送れません" in str(refused.value.cause)
    await end(case.application, case.office())
