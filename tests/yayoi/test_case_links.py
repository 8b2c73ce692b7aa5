"""Links to a case: whom they let in, until when, how they are ended, and how a fresh one is mailed."""

import html
import re
from datetime import date, timedelta
from urllib.parse import urlsplit

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.client import WorkflowExecution
from temporalio.testing import WorkflowEnvironment

from models.common.secret_keys import SecretKeys
from models.tables import ApplicationOfficeRow, ApplicationRow, AuditRow
from models.yayoi.case_links import Opening, case_link, case_path, link_expiry, opening
from models.yayoi.customers import applicant
from models.yayoi.identifiers import ApplicationNo
from models.yayoi.store.confirmations import begin_waiting
from models.yayoi.store.ended_links import ENDED
from tests.support.case_pages import LONG_AGO, SOON, TODAY, action, mailings, two_pairs
from tests.support.ending import end
from tests.support.web import SECRET, TOKEN_B, TOKEN_C, TemporalProxy, Web, fill_registry, pair, text_of, until, web_on
from web.yayoi.applicant.case_access import NO_SUCH_CASE, NOT_CONFIRMED_YET
from web.yayoi.applicant.case_pages import LATER, LINK_MAILED


def test_a_link_opens_its_own_case_until_its_last_day_and_no_other() -> None:
    link = case_link("https://apply.example.jp/", SecretKeys("one"), "YS-000123", date(2027, 2, 18))
    assert link == case_link("https://apply.example.jp", SecretKeys("one"), "YS-000123", date(2027, 2, 18))
    assert link.startswith("https://apply.example.jp/applications/YS-000123?until=2027-02-18&key=")
    key = link.partition("&key=")[2]

    def opened(secret: str, number: str, until: str, today: date, office_no: int | None = None) -> Opening:
        return opening(SecretKeys(secret), number, until, key, today=today, office_no=office_no)

    last = date(2027, 2, 18)
    assert opened("one", "YS-000123", "2027-02-18", last) is Opening.OPEN
    assert opened("one", "YS-000123", "2027-02-18", last + timedelta(days=1)) is Opening.EXPIRED
    assert opened("two", "YS-000123", "2027-02-18", last) is Opening.FORGED
    assert opened("one", "YS-000124", "2027-02-18", last) is Opening.FORGED
    assert opened("one", "YS-000123", "2027-02-19", last) is Opening.FORGED
    assert opened("one", "YS-000123", "2027-02-18", last, 1) is Opening.FORGED


def test_links_of_a_case_outlive_its_due_date_and_every_mail_by_enough() -> None:
    due = date(2026, 11, 20)
    assert link_expiry(due) == date(2027, 4, 19)
    assert link_expiry(due, date(2026, 11, 4)) == date(2027, 4, 19)
    assert link_expiry(due, date(2027, 2, 10)) == date(2027, 6, 10)


async def test_forged_links_open_nothing_and_disclose_nothing(web: Web) -> None:
    mine, other = await web.applied(pair()), await web.applied(pair("c@example.co.jp", TOKEN_C))
    whole, one = case_path(SECRET, mine, SOON), case_path(SECRET, mine, SOON, 1)
    assert (await web.http.get(whole)).status_code == (await web.http.get(one)).status_code == 200
    key, key_of_one = whole.partition("&key=")[2], one.partition("&key=")[2]
    good = f"until={SOON}&key={key}"
    nobody = ApplicationNo("YS-999999")
    addresses = [
        f"/applications/{mine}",
        f"/applications/{mine}?until={SOON}&key=",
        f"/applications/{mine}?until={SOON}&key=%E9%8D%B5",
        f"/applications/{mine}?until={SOON}%00&key={key}",
        f"/applications/{mine}?until=&key={key}",
        f"/applications/{mine}?until={SOON + timedelta(days=1)}&key={key}",
        f"/applications/{mine}?until={SOON}&key={key_of_one}",
        f"/applications/{other}?{good}",
        f"/applications/{mine}/offices/1?{good}",
        f"/applications/{mine}/offices/2?until={SOON}&key={key_of_one}",
        f"/applications/{mine}/offices/{10**30}?until={SOON}&key={key_of_one}",
        f"/applications/{nobody}?{good}",
        case_path(SECRET, nobody, SOON),
        case_path(SECRET, mine, SOON, 2),
        *(f"/applications/{other}/offices/1/{name}?{good}" for name in ("correct", "sharing", "withdraw")),
        *(f"/applications/{mine}/offices/7/{name}?{good}" for name in ("correct", "sharing", "withdraw")),
    ]
    refused = [await web.http.get(address) for address in addresses]
    # Nobody learns from the answer which numbers exist.
    assert {answer.status_code for answer in refused} == {404}
    assert {answer.text for answer in refused} == {refused[0].text}
    assert NO_SUCH_CASE in refused[0].text


async def test_the_link_of_one_office_never_shows_or_changes_another_pair(web: Web) -> None:
    number = await two_pairs(web)
    link = case_path(SECRET, number, SOON, 2)
    page = (await web.http.get(link)).text
    assert "C 商店" in page
    assert "c@example.co.jp" in page
    for others in ("B 商店", "b@example.co.jp", TOKEN_B, "取り下げる</a>", "/correct", "/withdraw"):
        assert others not in page
    query = urlsplit(link).query
    for office_no in (1, 2):
        for name in ("correct", "sharing", "withdraw"):
            assert (await web.http.get(f"/applications/{number}/offices/{office_no}/{name}?{query}")).status_code == 404


async def test_an_expired_link_offers_a_fresh_one_and_shows_nothing(web: Web) -> None:
    number = await two_pairs(web)
    for link in (
        case_path(SECRET, number, LONG_AGO),
        case_path(SECRET, number, LONG_AGO, 1),
        f"/applications/{number}/offices/1/correct?{urlsplit(case_path(SECRET, number, LONG_AGO)).query}",
    ):
        answer = await web.http.get(link)
        assert answer.status_code == 410
        assert "このリンクの期限が切れています" in answer.text
        assert "弥生 太郎" not in answer.text
        assert "商店" not in answer.text


async def test_y5a_an_expired_link_of_what_is_not_confirmed_offers_no_mail_that_would_be_refused(web: Web) -> None:
    number = await two_pairs(web)
    async with web.sessions.begin() as session:
        application = await session.get_one(ApplicationRow, number)
        pairs = select(ApplicationOfficeRow).filter_by(application_no=number)
        begin_waiting(session, application, (await session.scalars(pairs)).all())
    answer = await web.http.get(case_path(SECRET, number, LONG_AGO))
    said = NOT_CONFIRMED_YET.partition("。")[0]  # what follows names a page, which is a link
    assert (answer.status_code, said in text_of(answer)) == (410, True)
    assert "新しいリンクをメールで受け取る" not in answer.text


@pytest.mark.parametrize("office_no", [None, 2])
async def test_a_fresh_link_is_mailed_once_an_hour_by_a_workflow_that_holds_no_address(
    web: Web, office_no: int | None
) -> None:
    number = await two_pairs(web)
    page = await web.http.get(case_path(SECRET, number, LONG_AGO, office_no))
    address = re.search(r'<form method="post" action="([^"]*)"', page.text)
    assert address
    where = address[1].replace("&amp;", "&")
    answers = [await web.http.post(where) for _ in range(2)]
    [place] = {answer.headers["location"] for answer in answers}
    mailed = await web.http.get(place)
    assert "新しいリンクをお送りしました" in mailed.text
    assert "@" not in text_of(mailed)
    found: list[WorkflowExecution] = []

    async def listed() -> bool:
        found[:] = await mailings(web)
        return bool(found)

    await until(listed)
    [mailing] = found
    assert mailing.id.startswith(f"application/{number}/link/{office_no or '-'}/")
    history = str((await web.client.get_workflow_handle(mailing.id).fetch_history()).events)
    assert "@example" not in history
    await end(web.client.get_workflow_handle(mailing.id))


async def test_a_fresh_link_cannot_be_asked_for_with_a_forged_one_or_too_often(web: Web) -> None:
    number = await two_pairs(web)
    query = urlsplit(case_path(SECRET, number, LONG_AGO)).query
    for forged in (
        f"/applications/{number}/link?until={LONG_AGO}&key=x",
        f"/applications/{number}/offices/1/link?{query}",
        f"/applications/YS-999999/link?{urlsplit(case_path(SECRET, 'YS-999999', LONG_AGO)).query}",
    ):
        assert (await web.http.post(forged)).status_code == 404
    answers = [await web.http.post(f"/applications/{number}/link?{query}") for _ in range(8)]
    assert answers[-1].status_code == 429
    assert "受け付けを止めています" in answers[-1].text
    for mailing in await mailings(web):
        await end(web.client.get_workflow_handle(mailing.id))


async def test_a_fresh_link_cannot_be_mailed_while_temporal_is_away(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment
) -> None:
    await fill_registry(sessions)
    proxy = TemporalProxy(temporal.client.service_client.config.target_host)
    async with web_on(sessions, await proxy.client()) as web:
        number = await two_pairs(web)
        query = urlsplit(case_path(SECRET, number, LONG_AGO)).query
        answer = await web.http.post(f"/applications/{number}/link?{query}")
        assert answer.status_code == 503
        assert LATER in answer.text


@pytest.mark.parametrize("office_no", [None, 2])
async def test_y25_a_link_can_be_ended_by_whoever_holds_it_and_a_new_one_is_mailed(
    web: Web, office_no: int | None
) -> None:
    number = await two_pairs(web)
    link = case_path(SECRET, number, SOON, office_no)
    where = ending_form(await web.http.get(link))
    answers = [await web.http.post(where) for _ in range(2)]
    assert urlsplit(answers[0].headers["location"]).path == LINK_MAILED
    assert answers[1].headers["location"] == link  # what was ended ends nothing more
    over = await web.http.get(link)
    assert over.status_code == 410
    assert "このリンクは無効になっています" in over.text
    assert "商店" not in over.text
    assert (await web.http.get(case_path(SECRET, number, SOON, office_no, link_no=2))).status_code == 200
    assert (await web.http.get(case_path(SECRET, number, SOON, 1))).status_code == 200  # the other's is not ended
    if office_no is None:
        assert (await web.http.get(action(number, "withdraw"))).status_code == 410
    async with web.sessions() as session:
        ended = (await session.scalars(select(AuditRow).filter_by(case_no=number, action=ENDED))).all()
    assert [(row.part, row.by) for row in ended] == [(office_no or 0, str(applicant(number, office_no)))]

    async def mailed() -> bool:
        return bool(await mailings(web))

    await until(mailed)
    # Whoever finds it ended can have the new one mailed once more.
    again = re.search(r'<form method="post" action="([^"]*)"', over.text)
    assert again
    assert (await web.http.post(html.unescape(again[1]))).headers["location"] == answers[0].headers["location"]
    for mailing in await mailings(web):
        await end(web.client.get_workflow_handle(mailing.id))


async def test_y25_a_link_is_ended_and_made_anew_however_often_others_have_asked_for_a_fresh_one(web: Web) -> None:
    number = await two_pairs(web)
    link = case_path(SECRET, number, SOON)
    answers = [await web.http.post(f"/applications/{number}/link?{urlsplit(link).query}") for _ in range(8)]
    assert answers[-1].status_code == 429
    ended = await web.http.post(ending_form(await web.http.get(link)))
    assert urlsplit(ended.headers["location"]).path == LINK_MAILED

    async def mailed() -> bool:
        return any(each.id.endswith("/2") for each in await mailings(web))

    await until(mailed)
    for mailing in await mailings(web):
        await end(web.client.get_workflow_handle(mailing.id))


async def test_keys_rotate_without_ending_open_links(web: Web) -> None:
    number = await two_pairs(web)
    old, link_of_old = SecretKeys("before"), case_path(SecretKeys("before"), number, SOON)
    rotated = SecretKeys("now", (old.current, "long ago"))
    key = link_of_old.partition("&key=")[2]

    def opened(keys: SecretKeys) -> Opening:
        return opening(keys, number, SOON.isoformat(), key, today=TODAY)

    assert [opened(each) for each in (old, rotated, SecretKeys("now"))] == [
        Opening.OPEN,
        Opening.OPEN,
        Opening.FORGED,
    ]
    assert case_path(rotated, number, SOON) == case_path(SecretKeys("now"), number, SOON)


def ending_form(page: httpx.Response) -> str:
    [where] = re.findall(r'<form method="post" action="([^"]*/link/end[^"]*)"', page.text)
    return html.unescape(where)
