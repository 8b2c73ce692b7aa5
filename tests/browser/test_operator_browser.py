"""An operator leads a blocked case to its end through the real Web UI alone."""

import pytest
from playwright.async_api import Browser, expect
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from models.common.calendar import day_in_japan
from models.yayoi.identifiers import office_workflow_id
from models.yayoi.messages import Outcome
from models.yayoi.operator_actions import Action
from models.yayoi.procedures import SetUpStep, Stage
from tests.support.cases import in_sharing
from tests.support.environment import NOBODY, OFFICE_B, at_rest, form
from tests.support.operator_user import RECOMMENDED_COLUMNS, operator_user
from tests.support.smtp_inbox import SmtpInbox
from workflows.backoffice.queues import Queue

pytestmark = pytest.mark.browser


@pytest.mark.long
async def test_a_blocked_case_is_led_to_its_end_by_what_the_screen_shows(
    sessions: async_sessionmaker[AsyncSession], smtp_inbox: SmtpInbox, browser: Browser
) -> None:
    async with operator_user(sessions, smtp_inbox, browser) as operator:
        case = await operator.environment.apply(form([(NOBODY, OFFICE_B[1])]))
        await at_rest(case, Stage.CORRECTION)
        workflow_id = office_workflow_id(case.application_no, 1)
        await operator.open_queue(Queue.WAITING_FOR_APPLICANT, save=True)
        await expect(operator.page.get_by_test_id("saved-views-button")).to_contain_text(Queue.WAITING_FOR_APPLICANT)
        await operator.page.get_by_role("link", name=workflow_id).first.click()
        await (
            operator.page.get_by_role("link", name="User Metadata")
            .or_(operator.page.get_by_role("tab", name="User Metadata"))
            .first.click()
        )
        details = await operator.read_details("訂正待ち")
        assert "弥生ID として登録されていません" in details

        said = await operator.act(
            Action.CORRECT_PAIR.label, "お電話で確認", **{"弥生ID（メールアドレス）": OFFICE_B[0]}
        )
        assert "を受け付けました" in said
        assert "担当者 佐藤：お電話で確認" in await operator.read_details(Stage.SET_UP)
        for step in SetUpStep:
            assert step.label in await operator.act(Action.REPORT_SET_UP_STEP.label, f"お電話（{step}）")
        await operator.read_details(Stage.RELINK)
        today = str(day_in_japan(await case.now()))
        await operator.act(Action.REPORT_RELINK.label, "お電話", 再連携した日=today)
        outcome = await case.office().result()
        assert outcome.outcome is Outcome.COMPLETED
        await operator.page.reload()
        await operator.read_details("この手続きは終了しました")
        audit = {(row.by, row.reason) for row in await case.audit()}
        assert ("operator:sk", "お電話で確認") in audit


@pytest.mark.long
async def test_the_plain_link_of_a_queue_saves_no_view_and_the_other_saves_one_each_time(
    sessions: async_sessionmaker[AsyncSession], smtp_inbox: SmtpInbox, browser: Browser
) -> None:
    """Therefore they are two: one for every day, one for the first."""
    async with operator_user(sessions, smtp_inbox, browser) as operator:
        for _ in range(2):
            await operator.open_queue(Queue.ON_HOLD)
            assert await operator.saved_views() == []
        button = operator.page.get_by_test_id("saved-views-button")
        for times in (1, 2):
            await operator.open_queue(Queue.ON_HOLD, save=True)
            await expect(button).to_contain_text(Queue.ON_HOLD)
            assert await operator.saved_views() == [Queue.ON_HOLD] * times
        await operator.open_queue(Queue.ON_HOLD)
        assert await operator.saved_views() == [Queue.ON_HOLD] * 2


@pytest.mark.long
async def test_the_columns_of_the_guide_can_be_chosen_and_stay(
    sessions: async_sessionmaker[AsyncSession], smtp_inbox: SmtpInbox, browser: Browser
) -> None:
    async with operator_user(sessions, smtp_inbox, browser) as operator:
        case = await in_sharing(operator.environment)
        await operator.open_queue(Queue.WAITING_FOR_APPLICANT)
        await operator.choose_columns()
        await operator.open_queue(Queue.WAITING_FOR_APPLICANT)
        row = operator.page.get_by_role("row").filter(has_text=office_workflow_id(case.application_no, 1))
        await expect(row).to_contain_text(Stage.SHARING)
        heads = [head.strip() for head in await operator.page.get_by_role("columnheader").all_inner_texts()]
        assert [head for head in heads if head] == ["Status", "Workflow ID", *RECOMMENDED_COLUMNS]
        for shown in (case.application_no, "申込者", str(case.due_date.year), "false"):
            await expect(row).to_contain_text(shown)


@pytest.mark.long
async def test_an_update_without_any_json_is_refused_in_japanese_in_the_dialog(
    sessions: async_sessionmaker[AsyncSession], smtp_inbox: SmtpInbox, browser: Browser
) -> None:
    async with operator_user(sessions, smtp_inbox, browser) as operator:
        await operator.reads_a_case()
        refusal = await operator.send_nothing("add_note")
        assert refusal.lstrip().startswith("JSON を読み取れません（「Data」に何も書かれていません。JSON を貼り付けて")
