"""The Temporal Web UI as operators reach it: behind the desk's log-in, in a real browser."""

import re
from typing import Any
from urllib.parse import quote

import pytest
from playwright.async_api import Browser, Request, expect
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from models.common.desk_links import desk_case_path
from models.tables import OperatorRow
from models.yayoi.identifiers import office_workflow_id
from tests.support.cases import in_sharing
from tests.support.operator_user import SATO, operator_user, screen
from tests.support.smtp_inbox import SmtpInbox
from web.backoffice.desk_bulk import BEFORE_LEAVE
from web.backoffice.desk_bulk_jobs import BulkJobs
from web.backoffice.desk_start import OWN_PAGE
from web.backoffice.web_ui import CANCEL_INSTEAD
from workflows.backoffice.queues import Queue
from workflows.yayoi.office_details import WHEN_CALLED

pytestmark = pytest.mark.browser

SIGN_OUT = "/sign-out"
"""The beginning of both: of this log-in, and of all."""
ATTACK = (
    f"<form id=stolen action={SIGN_OUT}-everywhere method=post><button>押してください</button></form>"
    f"<script>document.title='taken'; fetch('{SIGN_OUT}', {{method: 'POST'}})</script>"
    "<img src=/x onerror=\"document.title='taken'\">"
)


@pytest.mark.long
async def test_reading_goes_through_the_log_in_and_a_page_that_is_open_follows_the_case(
    sessions: async_sessionmaker[AsyncSession], smtp_inbox: SmtpInbox, browser: Browser
) -> None:
    """Lists, history, details, and the request that waits for news; nothing is asked of anybody but the desk."""
    async with operator_user(sessions, smtp_inbox, browser) as operator:
        asked: list[Request] = []
        operator.page.on("request", lambda request: asked.append(request))  # noqa: PLW0108 Playwright marks it
        case = await in_sharing(operator.environment)
        workflow_id = office_workflow_id(case.application_no, 1)
        await operator.open_queue(Queue.WAITING_FOR_APPLICANT)
        await operator.page.get_by_role("link", name=workflow_id).first.click()
        await expect(operator.page.get_by_role("heading", level=1)).to_contain_text(workflow_id)
        await operator.open_office(case, tab="history")
        history = operator.page.get_by_role("tab", name="Event History")
        await expect(history).to_have_text(re.compile(r"Event History\s*[1-9]"))
        before = await history.inner_text()
        await case.office().execute_update("add_note", {"reason": "お電話"})
        await expect(history).not_to_have_text(before)  # without a reload
        assert any("waitNewEvent=true" in request.url for request in asked)
        await operator.open_office(case)
        await operator.read_details(WHEN_CALLED)
        assert {request.url.split("/")[2] for request in asked} == {operator.desk.url.split("/")[2]}


@pytest.mark.long
async def test_an_update_is_sent_by_its_dialog_as_who_is_logged_in_and_its_refusal_is_read_there(
    sessions: async_sessionmaker[AsyncSession], smtp_inbox: SmtpInbox, browser: Browser
) -> None:
    async with operator_user(sessions, smtp_inbox, browser) as operator:
        case = await operator.reads_a_case()
        await operator.send_update("add_note", {"reason": "お電話で確認"})
        await operator.read_details("お電話")
        refusal = await operator.refused("resume", {"reason": "再開"})
        assert "保留" in refusal
        for foreign in ("Traceback", "Encoded failure", "ApplicationError", "temporalio"):
            assert foreign not in refusal
        await operator.open_office(case)
        menu = await operator.offered()
        assert "Send an Update" in menu
        assert not {"Request Cancellation", "Terminate", "Reset", "Send a Signal", "Pause"} & set(menu)


async def test_cancelling_by_a_call_leads_to_what_to_do_instead(
    sessions: async_sessionmaker[AsyncSession], smtp_inbox: SmtpInbox, browser: Browser
) -> None:
    async with operator_user(sessions, smtp_inbox, browser) as operator:
        case = await in_sharing(operator.environment)
        await operator.open_office(case)
        place = f"/api/v1/namespaces/default/workflows/{office_workflow_id(case.application_no, 1).replace('/', '%2F')}"
        answer: Any = await operator.page.evaluate(
            "async path => (await fetch(path, {method: 'POST', body: '{}'})).json()", f"{place}/cancel"
        )
        page = operator.desk.url + desk_case_path(case.application_no, 1)
        assert answer == {"code": 12, "message": CANCEL_INSTEAD.format(page=page)}
        described = await case.office().describe()
        assert described.close_time is None


@pytest.mark.long
async def test_a_form_and_a_script_in_a_customers_text_do_nothing_in_the_details(
    sessions: async_sessionmaker[AsyncSession], smtp_inbox: SmtpInbox, browser: Browser
) -> None:
    async with operator_user(sessions, smtp_inbox, browser) as operator:
        posted: list[str] = []
        operator.page.on("request", lambda request: posted.append(request.url) if request.method == "POST" else None)
        # As the Web UI's own tab shows it: the case's text is escaped, so that there is nothing to press.
        case = await in_sharing(operator.environment)
        await case.office().execute_update("add_note", {"reason": ATTACK})
        await operator.open_office(case)
        assert "押してください" in await operator.read_details("押してください")
        assert [await frame.get_by_role("button", name="押してください").count() for frame in operator.page.frames] == [
            0 for _ in operator.page.frames
        ]
        assert await operator.page.title() != "taken"
        assert [url for url in posted if SIGN_OUT in url] == []
        # And if it were not: the frame's own policy keeps both from doing anything.
        await operator.page.goto(f"{operator.desk.url}/namespaces/default/workflows")
        await expect(operator.page.get_by_test_id("saved-views-button")).to_be_visible()
        await operator.page.evaluate(
            """text => new Promise(done => {
                const frame = document.createElement('iframe');
                frame.src = '/render?content=' + encodeURIComponent(text);
                frame.onload = done;
                document.body.append(frame);
            })""",
            ATTACK,
        )
        [frame] = [frame for frame in operator.page.frames if "/render?" in frame.url]
        await expect(frame.get_by_role("button", name="押してください")).to_be_visible()
        await frame.get_by_role("button", name="押してください").click(force=True)
        assert "/render?" in frame.url
        assert await frame.title() != "taken"
        assert [url for url in posted if SIGN_OUT in url] == []
        # In a window of its own, too: the frame's policy is the answer's.
        await operator.page.goto(f"{operator.desk.url}/render?content={quote(ATTACK)}")
        await operator.page.get_by_role("button", name="押してください").click()
        await expect(operator.page).to_have_url(re.compile("/render"))
        assert [url for url in posted if SIGN_OUT in url] == []
        await operator.page.goto(f"{operator.desk.url}/desk")
        await expect(operator.page.get_by_role("heading", level=1)).to_have_text("仕事の一覧")


@pytest.mark.long
async def test_a_role_that_is_taken_away_and_a_log_out_end_the_web_ui_at_once(
    sessions: async_sessionmaker[AsyncSession], smtp_inbox: SmtpInbox, browser: Browser
) -> None:
    async with operator_user(sessions, smtp_inbox, browser) as operator, screen(browser) as other:
        case = await in_sharing(operator.environment)
        await _role(sessions, "auditor")
        await operator.open_office(case)
        await expect(operator.page.get_by_role("button", name="More Actions").first).to_be_disabled()
        there = operator.page.url
        await operator.page.goto("about:blank")  # a page that is open asks by itself, and goes elsewhere when refused
        await _role(sessions)
        await operator.page.goto(there)
        await expect(operator.page.get_by_role("heading", level=1)).to_have_text("権限がありません")
        await _role(sessions, "caseworker")
        await operator.log_in(SATO, other)
        await operator.open_office(case)
        await operator.read_details(WHEN_CALLED)
        await other.goto(operator.desk.url + OWN_PAGE)
        await other.get_by_role("button", name="すべてのブラウザーでログアウトする").click()
        await expect(other.get_by_role("heading", level=1)).to_have_text("ログアウトしました")
        await operator.page.reload()
        await expect(operator.page.get_by_role("heading", level=1)).to_have_text("ログイン")
        assert "/sign-in?next=" in operator.page.url


async def test_cases_are_handed_over_before_a_leave(
    sessions: async_sessionmaker[AsyncSession], smtp_inbox: SmtpInbox, browser: Browser
) -> None:
    async with operator_user(sessions, smtp_inbox, browser) as operator:
        case = await in_sharing(operator.environment)
        mine = str((await case.progress()).assignee)
        await operator.log_in(mine)
        page = operator.page
        await page.goto(operator.desk.url + OWN_PAGE)
        await page.get_by_label("休暇の最初の日").fill("2027-01-04")
        await page.get_by_role("button", name="休暇を保存する").click()
        await expect(page.get_by_role("status")).to_have_text("休暇を保存しました。")
        await page.get_by_role("button", name="担当している案件をまとめて引き継ぐ").click()
        await expect(page.get_by_role("main")).to_contain_text(f"{case.application_no} の 1 件目")
        await expect(page.get_by_label("理由")).to_have_value(BEFORE_LEAVE)
        await page.get_by_role("button", name="案件ごとに確認する").click()
        await expect(page.get_by_role("alert")).to_contain_text("新しい担当者を選んでください。")
        offered = [await each.get_attribute("value") for each in await page.locator("option").all()]
        colleague = next(name for name in offered if name and name != mine)
        await page.get_by_label("新しい担当者").select_option(colleague)
        await page.get_by_role("button", name="案件ごとに確認する").click()
        await expect(page.get_by_role("status")).to_contain_text("確認しています")
        jobs: BulkJobs = operator.desk.app.state.services[BulkJobs]
        await jobs.judge_all()
        await page.reload()
        await page.get_by_role("button", name="1 件を実行する").click()
        await expect(page.get_by_role("status")).to_contain_text("実行しています")
        await jobs.send_all()
        await page.reload()
        await expect(page.get_by_role("status")).to_contain_text("実行済み 1 件")
        assert (await case.progress()).assignee == colleague


async def _role(sessions: async_sessionmaker[AsyncSession], *roles: str) -> None:
    async with sessions.begin() as session:
        await session.execute(update(OperatorRow).where(OperatorRow.name == SATO).values(roles=list(roles)))
