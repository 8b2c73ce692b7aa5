"""Forms of pages: what was typed is shown again to the browser that typed it, and nothing is done twice."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.testing import WorkflowEnvironment

from models.common.store.sent_forms import KEPT_FOR, ONE_PRESS, SentFormStore
from models.tables import EnquiryRow, FormPressRow, KeptFormRow
from tests.support.web import NETWORK, PASSWORD, Web, browser_on, fill_registry, hidden_fields, text_of, web_on
from web.common.auth import SharedLimit
from web.common.sent_forms import LOST

ENQUIRY = {"contract_id": NETWORK, "name": "弥生 太郎", "mail_address": "taro", "text": "再連携の手順"}
RIGHT = ENQUIRY | {"mail_address": "taro@example.co.jp"}


async def sent(web: Web, path: str, fields: dict[str, str]) -> str:
    """Fill in a page's form and return where the browser is led."""
    page = await web.http.get(path)
    answer = await web.http.request("POST", path, data=hidden_fields(page, path) | fields)
    assert answer.status_code == 303
    place: str = answer.headers["location"]
    return place


async def test_what_was_typed_is_shown_again_beside_what_is_wrong_and_is_in_no_address(web: Web) -> None:
    place = await sent(web, "/enquiry", ENQUIRY)
    assert re.fullmatch(r"/enquiry\?kept=[0-9a-f-]{36}", place)
    for _ in range(2):  # a reload shows the same
        page = await web.http.get(place)
        assert page.status_code == 422
        assert "メールアドレスの形式で" in text_of(page)
        for value in ('value="taro"', 'value="弥生 太郎"', "再連携の手順</textarea>"):
            assert value in page.text
    assert (await web.http.get("/enquiry")).status_code == 200
    assert [name for name in web.http.cookies if name.startswith("desk")] == []


async def test_another_browser_is_not_shown_what_was_typed(web: Web) -> None:
    place = await sent(web, "/enquiry", ENQUIRY)
    async with browser_on(web.app) as other:
        for cookies in ({}, {"forms": "made-up"}):
            other.cookies = httpx.Cookies(cookies)
            page = await other.get(place)
            assert "弥生 太郎" not in page.text
            assert LOST in page.text
    page = await web.http.get(place.replace("/enquiry", "/register"))  # nor is the form of another page
    assert LOST in page.text
    assert LOST in (await web.http.get("/enquiry?kept=nothing")).text


async def test_any_web_process_shows_what_another_has_kept(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment
) -> None:
    await fill_registry(sessions)
    async with web_on(sessions, temporal.client) as one, web_on(sessions, temporal.client) as two:
        place = await sent(one, "/enquiry", ENQUIRY)
        two.http.cookies = one.http.cookies
        assert 'value="弥生 太郎"' in (await two.http.get(place)).text


async def test_what_was_typed_is_kept_for_an_hour(web: Web) -> None:
    place = await sent(web, "/enquiry", ENQUIRY)
    async with web.sessions.begin() as session:
        await session.execute(update(KeptFormRow).values(ends_at=KeptFormRow.ends_at - KEPT_FOR))
    page = await web.http.get(place)
    assert LOST in page.text
    assert "弥生 太郎" not in page.text
    [row] = await web.rows(select(KeptFormRow))
    await SentFormStore(web.sessions, lambda: row.ends_at + timedelta(seconds=1)).forget()
    assert await web.rows(select(KeptFormRow)) == []


async def test_whoever_signs_out_leaves_nothing_that_was_typed(web: Web) -> None:
    place = await sent(web, "/enquiry", ENQUIRY)
    assert "forms" in web.http.cookies
    await web.http.post("/sign-out")
    assert "forms" not in web.http.cookies
    assert LOST in (await web.http.get(place)).text
    assert await web.rows(select(KeptFormRow)) == []


async def test_a_form_sent_after_the_session_has_ended_is_still_filled_in_after_signing_in(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment
) -> None:
    await fill_registry(sessions)
    async with web_on(sessions, temporal.client) as web:
        answer = await web.http.post("/members", data={"yayoi_id": "new@example.co.jp"})
        place = answer.headers["location"]
        assert place.startswith("/sign-in?next=/members%3Fkept%3D")
        page = await web.http.get(place)
        assert re.search(r"/members\?kept=[0-9a-f-]{36}", hidden_fields(page)["next"])
        assert "new@example.co.jp" not in place + page.text


async def test_too_many_kept_forms_of_one_client_are_refused_without_being_kept(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = SharedLimit.KEPT_FORMS_FROM.value.__class__("kept-forms-from", 2, timedelta(hours=1))
    monkeypatch.setattr(SharedLimit.KEPT_FORMS_FROM, "_value_", few)
    for _ in range(2):
        await sent(web, "/enquiry", ENQUIRY)
    place = await sent(web, "/enquiry", ENQUIRY)
    assert place.startswith("/problem?said=")
    page = await web.http.get(place)
    assert page.status_code == 429
    assert int(page.headers["retry-after"]) > 0
    assert len(await web.rows(select(KeptFormRow))) == 2


async def test_a_problem_that_nobody_signed_is_said_by_no_page(web: Web) -> None:
    place = (await web.http.request("POST", "/nothing")).headers["location"]
    page = await web.http.get(place)
    assert (page.status_code, "お探しのページはありません" in page.text) == (404, True)
    for made_up in (place[:-1], place.replace("said=", "said=x"), "/problem", "/problem?said=" + "x" * 5000):
        assert (await web.http.get(made_up)).status_code == 404


# --- twice ------------------------------------------------------------------------------------------------------------


async def test_a_double_press_is_handled_once_and_both_are_led_to_the_same_place(web: Web) -> None:
    page = await web.http.get("/enquiry")
    fields = hidden_fields(page) | RIGHT
    del fields["event_id"]  # what else makes it one enquiry
    answers = await asyncio.gather(*(web.http.post("/enquiry", data=fields) for _ in range(3)))
    assert len({answer.headers["location"] for answer in answers}) == 1
    assert len(await web.rows(select(EnquiryRow))) == 1
    again = hidden_fields(await web.http.get("/enquiry")) | RIGHT
    del again["event_id"]
    await web.http.post("/enquiry", data=again)  # a page opened anew is another form
    await web.http.post("/enquiry", data=again | {"text": "ほかのこと"})  # and so is one that says something else
    assert len(await web.rows(select(EnquiryRow))) == 3


async def test_a_wrong_password_pressed_twice_is_one_try(web: Web) -> None:
    await sent(web, "/enquiry", ENQUIRY)  # the browser has its cookie
    page = await web.http.get("/sign-in")
    fields = hidden_fields(page) | {"yayoi_id": "b@example.co.jp", "password": "wrong"}
    answers = await asyncio.gather(*(web.http.request("POST", "/sign-in", data=fields) for _ in range(4)))
    assert len({answer.headers["location"] for answer in answers}) == 1
    assert PASSWORD not in answers[0].headers["location"]


async def test_a_press_that_nobody_has_answered_is_handled_after_a_while(
    sessions: async_sessionmaker[AsyncSession],
) -> None:
    moment = datetime(2026, 11, 5, tzinfo=UTC)
    store = SentFormStore(sessions, lambda: moment)
    assert await store.claim("a form") is None
    waiting = asyncio.create_task(store.claim("a form"))  # its process has died meanwhile
    await asyncio.sleep(0)
    assert not waiting.done()
    moment += ONE_PRESS
    assert await waiting is None
    await store.settle("a form", "/there")
    assert await store.claim("a form") == "/there"
    moment += ONE_PRESS
    assert await store.claim("a form") is None  # no double press any more
    await store.release("a form")
    assert await store.claim("a form") is None
    moment += ONE_PRESS
    await store.forget()
    async with sessions() as session:
        assert await session.scalar(select(func.count()).select_from(FormPressRow)) == 0


async def test_forms_of_one_page_have_numbers_of_their_own(web: Web) -> None:
    page = await web.http.get("/apply")
    numbers = re.findall(r'name="form_id" value="([^"]*)"', page.text)
    assert len(numbers) == len(re.findall(r'<form method="post"', page.text)) == 1
    other = re.findall(r'name="form_id" value="([^"]*)"', (await web.http.get("/apply")).text)
    assert UUID(numbers[0]) != UUID(other[0])
