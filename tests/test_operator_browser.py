"""An operator leads a blocked case to its end through the real Web UI alone."""

from collections.abc import Awaitable
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.async_api import expect
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from models.calendar import day_in_japan
from models.identifiers import office_workflow_id
from models.messages import Outcome
from models.procedures import SetUpStep, Stage
from tests.conftest import SmtpInbox
from tests.desk import CHROMIUM, NO_CHROMIUM, desk
from tests.paths import NOBODY
from tests.world import OFFICE_B, at_rest, form
from workflows.queues import Asked, Queue, link

pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason=NO_CHROMIUM)]


async def test_a_blocked_case_is_led_to_its_end_by_what_the_screen_shows(
    sessions: async_sessionmaker[AsyncSession], smtp_inbox: SmtpInbox
) -> None:
    async with desk(sessions, smtp_inbox) as seat:
        case = await seat.world.apply(form([(NOBODY, OFFICE_B[1])]))
        await at_rest(case, Stage.CORRECTION)
        workflow_id = office_workflow_id(case.application_no, 1)
        queue = link(seat.ui_url, "default", Queue.WAITING_FOR_APPLICANT, Asked(day_in_japan(datetime.now(UTC))))
        await seat.page.goto(queue)
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
        await seat.send_update("report_relink", await filled_in(seat.shown_json("report_relink")))
        outcome = await case.office().result()
        assert outcome.outcome is Outcome.COMPLETED
        await seat.page.reload()
        await seat.read_details("この手続きは終了しました")
        audit = {(row.by, row.reason) for row in await case.audit()}
        assert ("佐藤", "お電話で確認") in audit


async def filled_in(shown: Awaitable[dict[str, Any]], **values: str) -> dict[str, Any]:
    """Fill in what is left blank: why, and what only a person knows."""
    return {**await shown, "by": "佐藤", "reason": "お電話で確認", **values}
