"""An operator leads a blocked case to its end through the real Web UI alone."""

from collections.abc import Awaitable
from typing import Any

import pytest
from playwright.async_api import Browser, expect
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from models.common.calendar import day_in_japan
from models.yayoi.identifiers import office_workflow_id
from models.yayoi.messages import Outcome
from models.yayoi.procedures import SetUpStep, Stage
from tests.replay.paths import NOBODY
from tests.support.desk import RECOMMENDED_COLUMNS, desk
from tests.support.smtp_inbox import SmtpInbox
from tests.support.world import OFFICE_B, OFFICE_C, at_rest, form
from workflows.backoffice.queues import Queue
from workflows.yayoi.office_details import WHEN_CALLED

pytestmark = pytest.mark.browser


async def test_a_blocked_case_is_led_to_its_end_by_what_the_screen_shows(
    sessions: async_sessionmaker[AsyncSession], smtp_inbox: SmtpInbox, browser: Browser
) -> None:
    async with desk(sessions, smtp_inbox, browser) as seat:
        case = await seat.world.apply(form([(NOBODY, OFFICE_B[1])]))
        await at_rest(case, Stage.CORRECTION)
        workflow_id = office_workflow_id(case.application_no, 1)
        await seat.open_queue(Queue.WAITING_FOR_APPLICANT, save=True)
        await expect(seat.page.get_by_test_id("saved-views-button")).to_contain_text(Queue.WAITING_FOR_APPLICANT)
        await seat.page.get_by_role("link", name=workflow_id).first.click()
        await (
            seat.page.get_by_role("link", name="User Metadata")
            .or_(seat.page.get_by_role("tab", name="User Metadata"))
            .first.click()
        )
        details = await seat.read_details("訂正待ち")
        assert "弥生ID として登録されていません" in details

        await seat.send_update("correct_pair", await filled_in(seat.shown_json("correct_pair"), yayoi_id=OFFICE_B[0]))
        assert "佐藤：お電話で確認" in await seat.read_details(Stage.SET_UP)
        for step in SetUpStep:
            await seat.read_details(f'"step": "{step}"')
            await seat.send_update(
                "report_set_up_step", await filled_in(seat.shown_json("report_set_up_step"), step=step)
            )
        await seat.read_details(Stage.RELINK)
        today = str(day_in_japan(await case.now()))
        await seat.send_update("report_relink", await filled_in(seat.shown_json("report_relink"), relinked_on=today))
        outcome = await case.office().result()
        assert outcome.outcome is Outcome.COMPLETED
        await seat.page.reload()
        await seat.read_details("この手続きは終了しました")
        audit = {(row.by, row.reason) for row in await case.audit()}
        assert ("佐藤", "お電話で確認") in audit


async def test_the_plain_link_of_a_queue_saves_no_view_and_the_other_saves_one_each_time(
    sessions: async_sessionmaker[AsyncSession], smtp_inbox: SmtpInbox, browser: Browser
) -> None:
    """Therefore they are two: one for every day, one for the first."""
    async with desk(sessions, smtp_inbox, browser) as seat:
        for _ in range(2):
            await seat.open_queue(Queue.ON_HOLD)
            assert await seat.saved_views() == []
        button = seat.page.get_by_test_id("saved-views-button")
        for times in (1, 2):
            await seat.open_queue(Queue.ON_HOLD, save=True)
            await expect(button).to_contain_text(Queue.ON_HOLD)
            assert await seat.saved_views() == [Queue.ON_HOLD] * times
        await seat.open_queue(Queue.ON_HOLD)
        assert await seat.saved_views() == [Queue.ON_HOLD] * 2


async def test_the_columns_of_the_guide_can_be_chosen_and_stay(
    sessions: async_sessionmaker[AsyncSession], smtp_inbox: SmtpInbox, browser: Browser
) -> None:
    async with desk(sessions, smtp_inbox, browser) as seat:
        case = await seat.world.apply(form([OFFICE_C]))
        await at_rest(case, Stage.SHARING)
        await seat.open_queue(Queue.WAITING_FOR_APPLICANT)
        await seat.choose_columns()
        await seat.open_queue(Queue.WAITING_FOR_APPLICANT)
        row = seat.page.get_by_role("row").filter(has_text=office_workflow_id(case.application_no, 1))
        await expect(row).to_contain_text(Stage.SHARING)
        heads = [head.strip() for head in await seat.page.get_by_role("columnheader").all_inner_texts()]
        assert [head for head in heads if head][1:] == ["Status", "Workflow ID", *RECOMMENDED_COLUMNS]
        for shown in (case.application_no, "申込者", str(case.due_date.year), "false"):
            await expect(row).to_contain_text(shown)


async def test_an_update_without_any_json_is_refused_in_japanese_in_the_dialog(
    sessions: async_sessionmaker[AsyncSession], smtp_inbox: SmtpInbox, browser: Browser
) -> None:
    async with desk(sessions, smtp_inbox, browser) as seat:
        case = await seat.world.apply(form([OFFICE_C]))
        await at_rest(case, Stage.SHARING)
        await seat.open_office(case)
        await seat.read_details(WHEN_CALLED)
        refusal = await seat.send_nothing("add_note")
        assert refusal.lstrip().startswith("JSON を読み取れません（「Data」に何も書かれていません。JSON を貼り付けて")


async def filled_in(shown: Awaitable[dict[str, Any]], **values: str) -> dict[str, Any]:
    """Fill in what is left blank: why, and what only a person knows."""
    return {**await shown, "by": "佐藤", "reason": "お電話で確認", **values}
