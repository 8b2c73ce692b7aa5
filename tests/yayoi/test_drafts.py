"""A plan and a half-filled form are kept, opened again by a mailed link, and gone once they are sent."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.testing import WorkflowEnvironment

from models.common.secret_keys import SecretKeys
from models.tables import ApplicationRow, DraftRow, NoticeRow
from models.yayoi.deadlines import DRAFT_LASTS, SAVED_DRAFT_DAYS
from models.yayoi.drafts import DRAFT_SUBJECT, MOST_OF_AN_ADDRESS, draft_of, draft_token, mail_token
from models.yayoi.identifiers import YayoiId
from models.yayoi.store.drafts import Drafts
from tests.support.browser_user import BrowserUser, browser_user_on
from tests.support.smtp_inbox import SmtpInbox
from tests.support.web import NETWORK, SECRET, TOKEN_B, TOKEN_C, Web, hidden_fields, text_of
from web.common.auth.rate_limits import Limits, SharedLimit
from web.yayoi.applicant.apply_form import ApplicationPage
from web.yayoi.applicant.plan import Plan, Planned
from web.yayoi.limits import YayoiLimit
from workers.stack.inbox import text_of as body_of

HANAKO = "hanako@shouji.example.jp"
PLAN = {
    "name0": "A 商店",
    "used0": "1",
    "name1": "B 商店",
    "yayoi_id1": "Ｂ@example.co.jp",
    "name2": "C 商店",
}
HALF = {
    "applicant.family_name": "弥生",
    "existing_contract_id": "８８７１",
    "accounting_link": "true",
    "offices.0.office_name": "B 商店",
    "offices.0.yayoi_id": "b@example.co.jp",
    "consents.relink_required": "true",
}
WHOLE = HALF | {
    "applicant.given_name": "太郎",
    "existing_contract_id": NETWORK,
    "network_product": "true",
    "offices.0.yayoi_id_confirmation": "b@example.co.jp",
    "offices.0.office_token": TOKEN_B,
    "consents.stop_smart_import": "true",
}


async def planned(web: Web, **more: str) -> str:
    """Send a plan; return the address that shows it."""
    answer = await web.http.post("/plan", data=PLAN | more)
    assert answer.status_code == 303
    return str(answer.headers["location"])


async def saved(web: Web, typed: dict[str, str], path: str = "/apply") -> str:
    """Save a form; return the query that opens it again."""
    answer = await web.send(path, typed | {"action": "save"}, action="/apply")
    assert answer.status_code == 303, text_of(answer)
    place = urlsplit(answer.headers["location"])
    assert place.path == "/drafts"
    return place.query


def value_of(page: httpx.Response, name: str) -> str:
    found = re.search(rf'name="{re.escape(name)}"[^>]* value="([^"]*)"|value="([^"]*)"[^>]* name="{name}"', page.text)
    assert found, name
    return found.group(1) or found.group(2) or ""


async def rows(web: Web) -> list[DraftRow]:
    return await web.rows(select(DraftRow))


# --- the plan ---------------------------------------------------------------------------------------------------------


async def test_a_plan_is_kept_and_no_address_of_a_page_holds_a_person(web: Web) -> None:
    place = await planned(web)
    assert set(parse_qs(urlsplit(place).query)) == {"draft"}
    for word in ("example.co.jp", "%40", "商店"):
        assert word not in place
    [row] = await rows(web)
    assert row.plan is not None
    assert row.plan["yayoi_id1"] == "Ｂ@example.co.jp"
    page = await web.http.get(place)
    links = re.findall(r'href="([^"]*)"', page.text)
    assert not any("example" in link for link in links)
    assert "新たに必要な弥生ID は 2 つ です。" in text_of(page)


async def test_a_plan_that_is_sent_again_is_the_same_draft(web: Web) -> None:
    place = await planned(web)
    token = hidden_fields(await web.http.get(place))["draft"]
    await planned(web, draft=token, name2="駅前店")
    [row] = await rows(web)
    assert row.plan is not None
    assert row.plan["name2"] == "駅前店"


async def test_y1_a_plan_carries_names_and_yayoi_ids_on_into_the_form(web: Web) -> None:
    page = await web.http.get((await planned(web)).partition("#")[0])
    [form] = re.findall(r'href="(/apply\?[^"]*)"', page.text)
    begun = await web.http.get(form)
    assert [value_of(begun, f"offices.{row}.office_name") for row in (0, 1)] == ["B 商店", "C 商店"]
    assert [value_of(begun, f"offices.{row}.yayoi_id") for row in (0, 1)] == ["b@example.co.jp", ""]
    assert value_of(begun, "offices.0.yayoi_id_confirmation") == ""  # Y7: it is still typed twice


def test_a_plan_that_changes_keeps_what_was_typed_for_each_office() -> None:
    typed = {
        "applicant.family_name": "弥生",
        "offices.0.office_name": "B 商店",
        "offices.0.yayoi_id": "b@example.co.jp",
        "offices.0.yayoi_id_confirmation": "b@example.co.jp",
        "offices.0.office_token": TOKEN_B,
        "offices.1.office_name": "C 商店",
        "offices.1.office_token": TOKEN_C,
    }
    offices = [Planned("駅前店", False, ""), Planned("C 商店", False, "c@example.co.jp"), Planned("B 商店", False, "")]
    page = ApplicationPage(typed).planned(offices)
    assert page.value("applicant.family_name") == "弥生"
    assert [page.value(f"offices.{row}.office_name") for row in range(page.rows)] == ["駅前店", "C 商店", "B 商店"]
    assert [page.value(f"offices.{row}.office_token") for row in range(page.rows)] == ["", TOKEN_C, TOKEN_B]
    assert page.value("offices.1.yayoi_id") == "c@example.co.jp"
    assert page.value("offices.2.yayoi_id_confirmation") == "b@example.co.jp"


def test_a_plan_of_more_than_one_application_begins_the_first() -> None:
    offices = Plan.of({f"name{row}": f"{row}" for row in range(25)}).new
    assert ApplicationPage({}).planned(offices).rows == 20


# --- the form ---------------------------------------------------------------------------------------------------------


async def test_a_half_filled_form_is_kept_as_it_was_typed_and_opens_filled_in(web: Web) -> None:
    query = await saved(web, HALF)
    said = await web.http.get(f"/drafts?{query}")
    assert "お申し込みは、まだ完了していません。" in text_of(said)
    opened = await web.http.get(f"/drafts/resume?{query}")
    assert opened.headers["location"] == f"/apply?{query}"
    page = await web.http.get(opened.headers["location"])
    assert page.status_code == 200  # nothing of it is called wrong before it is sent
    for name in ("applicant.family_name", "existing_contract_id", "offices.0.office_name", "offices.0.yayoi_id"):
        assert value_of(page, name) == HALF[name]
    assert re.search(r'name="accounting_link" value="true" checked', page.text)
    assert re.search(r'name="consents.relink_required" value="true" checked', page.text)
    assert "保存した内容を表示しています。" in page.text


async def test_a_form_that_is_saved_twice_is_one_draft_that_holds_the_later(web: Web) -> None:
    query = await saved(web, HALF)
    again = await saved(web, {"applicant.family_name": "八重"}, f"/apply?{query}")
    assert [row.form["applicant.family_name"] for row in await rows(web) if row.form] == ["八重"]
    assert (await web.http.get(f"/apply?{again}")).status_code == 200


async def test_a_draft_is_gone_once_it_is_sent(web: Web) -> None:
    query = await saved(web, WHOLE)
    confirmation = await web.send(f"/apply?{query}", {"action": "confirm"} | WHOLE, action="/apply")
    assert "まだ、お申し込みは完了していません。" in text_of(confirmation)
    sent = await web.http.post("/apply", data=hidden_fields(confirmation) | {"action": "send"})
    assert sent.status_code == 303
    assert len(await web.rows(select(ApplicationRow))) == 1
    assert await rows(web) == []
    for place in ("/apply", "/drafts", "/drafts/resume"):
        gone = await web.http.get(f"{place}?{query}")
        assert gone.status_code == 404
        assert "お申し込みが済んだか、保存の期限が過ぎています。" in text_of(gone)


async def test_a_draft_expires_and_is_deleted(web: Web) -> None:
    query = await saved(web, HALF)
    now = datetime.now(UTC)
    [row] = await rows(web)
    assert now < row.expires_at <= now + DRAFT_LASTS
    async with web.sessions.begin() as session:
        await session.execute(update(DraftRow).values(expires_at=now - timedelta(seconds=1)))
    assert (await web.http.get(f"/apply?{query}")).status_code == 404
    await Drafts(web.sessions, lambda: None, lambda: now).forget()
    assert await rows(web) == []
    # What is still open in a browser is kept anew when it is saved.
    await saved(web, HALF)
    assert len(await rows(web)) == 1


@pytest.mark.parametrize("token", ["x", "", "eyJ4IjoxfQ.x", "7c017521-3d31-4962-a387-b4199029f3e8"])
async def test_a_made_up_token_opens_nothing(web: Web, token: str) -> None:
    await saved(web, HALF)
    for place in ("/drafts", "/drafts/mailed", "/drafts/resume"):
        assert (await web.http.get(place, params={"draft": token})).status_code == 404
    answer = await web.http.post("/drafts", data={"draft": token, "mail_address": HANAKO})
    assert answer.status_code == 404


def test_a_token_says_which_draft_and_nothing_else() -> None:
    draft_id = uuid4()
    token = draft_token(SECRET, draft_id, datetime.now(UTC))
    assert draft_of(SECRET, token) == draft_id
    assert draft_of(SecretKeys("another key"), token) is None


# --- limits -----------------------------------------------------------------------------------------------------------


@pytest.mark.long
async def test_nobody_keeps_drafts_without_end(web: Web) -> None:
    for _ in range(YayoiLimit.DRAFT_FROM.value.most):
        await planned(web)
    assert (await web.http.post("/plan", data=PLAN)).status_code == 429
    assert (await web.send("/apply", HALF | {"action": "save"})).status_code == 429


async def test_nobodys_inbox_is_filled_with_links(web: Web) -> None:
    query = await saved(web, HALF)
    answers = [
        (await web.send(f"/drafts?{query}", {"mail_address": HANAKO}, action="/drafts")).status_code
        for _ in range(SharedLimit.MAIL.value.most + 1)
    ]
    assert answers == [303] * SharedLimit.MAIL.value.most + [429]


async def test_whoever_opens_the_mail_of_a_draft_is_mailed_whatever_strangers_have_asked_for(web: Web) -> None:
    query = await saved(web, HALF)
    await web.send(f"/drafts?{query}", {"mail_address": HANAKO}, action="/drafts")
    [row] = await rows(web)
    limits = Limits(web.sessions, SECRET)
    for _ in range(1, YayoiLimit.DRAFT_MAIL_DAILY.value.most):
        await limits.count((YayoiLimit.DRAFT_MAIL_DAILY, HANAKO))

    async def ask_for_a_mail() -> httpx.Response:
        return await web.send(f"/drafts?{query}", {"mail_address": HANAKO}, action="/drafts")

    refused = await ask_for_a_mail()
    assert refused.status_code == 429
    assert "本日届いた、弥生からのメールにあるリンクを開いてください" in text_of(refused)
    made_up = mail_token(SecretKeys("another key"), row.draft_id, row.mail_no, row.expires_at)
    for opened in (query, f"{query}&mail={made_up}"):  # as the page's own address, which a stranger has
        await web.http.get(f"/drafts/resume?{opened}")
        assert (await ask_for_a_mail()).status_code == 429
    own = mail_token(SECRET, row.draft_id, row.mail_no, row.expires_at)
    await web.http.get(f"/drafts/resume?{query}&mail={own}")
    assert (await ask_for_a_mail()).status_code == 303
    # Registering with this address counts by itself.
    await limits.count((YayoiLimit.REGISTRATION_MAIL_DAILY, HANAKO))


async def test_a_client_keeps_the_newest_of_its_drafts_for_an_address(web: Web) -> None:
    made = await saved_one_after_the_other(web, MOST_OF_AN_ADDRESS + 2, "somebody")
    assert {row.draft_id for row in await rows(web)} == set(made[2:])


async def test_a_stranger_pushes_out_no_draft_of_whom_the_address_belongs_to(web: Web) -> None:
    """Neither from elsewhere, nor from the same network once the owner has opened theirs by the mailed link."""
    [own] = await saved_one_after_the_other(web, 1, "owner")
    await saved_one_after_the_other(web, MOST_OF_AN_ADDRESS + 1, "stranger")
    assert own in {row.draft_id for row in await rows(web)}
    row = next(row for row in await rows(web) if row.draft_id == own)
    token, by_mail = draft_token(SECRET, own, row.expires_at), mail_token(SECRET, own, row.mail_no, row.expires_at)
    await web.http.get("/drafts/resume", params={"draft": token, "mail": by_mail})
    await saved_one_after_the_other(web, MOST_OF_AN_ADDRESS + 1, "owner")
    assert own in {row.draft_id for row in await rows(web)}


async def saved_one_after_the_other(web: Web, count: int, client: str) -> list[UUID]:
    now, made = datetime.now(UTC), []
    for number in range(count):
        drafts = Drafts(web.sessions, lambda: None, lambda at=now + timedelta(minutes=number): at)  # type: ignore[misc]
        draft_id, _ = await drafts.keep(None, form={"n": str(number)})
        made.append(draft_id)
        assert await drafts.mail(draft_id, YayoiId(HANAKO), uuid4(), client)
    return made


# --- the mail ---------------------------------------------------------------------------------------------------------


@pytest_asyncio.fixture
async def browser_user(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment, smtp_inbox: SmtpInbox
) -> AsyncIterator[BrowserUser]:
    async with browser_user_on(sessions, temporal, smtp_inbox) as browser_user:
        yield browser_user


async def test_the_link_is_mailed_once_and_opens_what_was_typed(browser_user: BrowserUser) -> None:
    http = browser_user.http
    place = (await browser_user.send("/apply", HALF | {"action": "save"})).headers["location"]
    page = await http.get(place)
    wrong = await http.post("/drafts", data=hidden_fields(page) | {"mail_address": "hanako"})
    assert "メールアドレス ：メールアドレスの形式で入力してください" in text_of(wrong)
    typed = hidden_fields(page) | {"mail_address": " Ｈanako@shouji.example.jp"}
    answers = [await http.post("/drafts", data=typed) for _ in range(2)]  # a double click
    assert {answer.headers["location"] for answer in answers} == {place.replace("/drafts", "/drafts/mailed")}
    assert HANAKO in text_of(await http.get(answers[0].headers["location"]))
    mail = await browser_user.mail(1, HANAKO)
    assert mail["Subject"] == DRAFT_SUBJECT
    text = body_of(mail)
    [link] = re.findall(r"http://web\.test(/drafts/resume\?draft=\S+)", text)
    opened = await http.get(link, follow_redirects=True)
    assert value_of(opened, "applicant.family_name") == "弥生"
    [row] = await browser_user.rows(DraftRow)
    assert (row.mail_no, row.mail_address) == (1, HANAKO)
    assert row.expires_at > datetime.now(UTC) + timedelta(days=SAVED_DRAFT_DAYS - 1)
    # The history of its workflow knows neither address nor content.
    history = await browser_user.environment.client.get_workflow_handle(f"draft/{row.draft_id}/1").fetch_history()
    assert not any(word in str(history) for word in (HANAKO, "example.co.jp", "B 商店"))
    # Saved again later it is another mail, and the earlier link opens the same.
    page = await http.get(place)
    await http.post("/drafts", data=hidden_fields(page) | {"mail_address": HANAKO})
    await browser_user.mail(2, HANAKO)
    assert (await http.get(link)).status_code == 303


async def test_what_was_sent_meanwhile_is_not_mailed_any_more(browser_user: BrowserUser) -> None:
    drafts = Drafts(browser_user.environment.sessions, lambda: None, lambda: datetime.now(UTC))
    draft_id, _ = await drafts.keep(None, form=HALF)
    await drafts.mail(draft_id, YayoiId(HANAKO), uuid4(), "somebody")
    await browser_user.mail(1, HANAKO)
    await drafts.delete(draft_id)
    assert await browser_user.rows(NoticeRow) == []  # nothing is left of whom it was mailed to
