"""`make screenshots`: the pictures of the operators' guide, taken anew from the real Web UI. Not a test."""

import asyncio
from datetime import timedelta
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.async_api import Browser, FloatRect, ViewportSize
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from models.common.calendar import day_in_japan
from models.common.messages import ACTIVITY_FAILING
from models.common.operator_message import ActionMessage
from models.yayoi.operator_actions import Action, Cancel, CorrectPair
from models.yayoi.procedures import SetUpStep, Stage
from tests.support.environment import NOBODY, OFFICE_B, OFFICE_C, Case, at_rest, environment_with_worker, form
from tests.support.operator_user import OperatorUser, operator_user
from tests.support.recorded_paths import AIR_C, completed_at_once
from tests.support.smtp_inbox import SmtpInbox
from web.backoffice.desk import HOME
from workflows.backoffice.queues import Queue

SCREEN: ViewportSize = {"width": 1280, "height": 1100}
MENU_WIDTH, BAR_HEIGHT = 256, 50
"""The Web UI's own menu and bar, the same on every page, are cut from the pictures."""

IMAGES = Path(__file__).parents[2] / "docs" / "images"


async def test_take(sessions: async_sessionmaker[AsyncSession], smtp_inbox: SmtpInbox, browser: Browser) -> None:
    async with operator_user(sessions, smtp_inbox, browser) as operator:
        await operator.page.set_viewport_size(SCREEN)
        case = await operator.environment.apply(form([(NOBODY, OFFICE_B[1]), OFFICE_C]))
        await at_rest(case, Stage.CORRECTION, 1)
        await at_rest(case, Stage.SHARING, 2)
        await application(operator, case)
        await office(operator, case, 1, "訂正待ち", "correction")
        await whole_form(operator, Action.CORRECT_PAIR, "operation")
        await case.act(CorrectPair(reason="お電話で確認", yayoi_id=OFFICE_B[0]), 1)
        await office(operator, case, 2, "共有解除待ち", "sharing")
        await at_rest(case, Stage.SET_UP, 1)
        await case.act(ActionMessage(reason="お客様と相談中"), 1, action=Action.HOLD)
        await office(operator, case, 1, "保留中です", "hold")
        await case.until(await case.now(2) + timedelta(days=9), 2)
        await office(operator, case, 2, "担当者の対応を待っている", "operators-turn")
        await lists(operator, case)
        await case.until_day(case.due_date + timedelta(days=1), 2)
        await office(operator, case, 2, "遅れています", "overdue")
        await case.act(Cancel(reason="二重のお申し込みのため"), 2)
        await case.office(2).result()
        await office(operator, case, 2, "この手続きは終了しました", "cancelled")


async def test_take_the_end(
    sessions: async_sessionmaker[AsyncSession], smtp_inbox: SmtpInbox, browser: Browser
) -> None:
    async with operator_user(sessions, smtp_inbox, browser) as operator:
        await operator.page.set_viewport_size(SCREEN)
        case = await completed_at_once(operator.environment)
        await case.application.result()
        await office(operator, case, 1, "この手続きは終了しました", "completed")
        other = await operator.environment.apply(form([OFFICE_C], delegate=True))
        await at_rest(other, Stage.SET_UP)
        await other.do_step(SetUpStep.SUPPORT_PASSWORD)
        await office(operator, other, 1, "STEP5", "set-up")
        await other.do_steps(*list(SetUpStep)[1:])
        await other.relink(*AIR_C, day_in_japan(await other.now()))
        await office(operator, other, 1, "抜けのおそれ", "relink")


async def test_take_what_fails(
    sessions: async_sessionmaker[AsyncSession], smtp_inbox: SmtpInbox, browser: Browser
) -> None:
    """No mail can be sent: where the worker sends it, nothing listens."""
    gone = SmtpInbox()
    gone.port = 1
    async with (
        operator_user(sessions, smtp_inbox, browser) as operator,
        environment_with_worker(sessions, operator.environment.temporal, gone) as environment,
    ):
        await operator.page.set_viewport_size(SCREEN)
        case = await environment.apply(form([OFFICE_C]))
        while not await failed_before(case):  # noqa: ASYNC110 what is waited for happens on the server
            await asyncio.sleep(0.1)
        await case.office().signal(ACTIVITY_FAILING, "send_mail")  # as the worker does after about two minutes
        await office(operator, case, 1, "処理の失敗が続いています", "failing")
        await operator.open_office(case, 1, "pending-activities")
        await operator.page.get_by_text("Last Failure").locator("visible=true").first.wait_for()
        await keep(operator, "pending-activities", height=520)


async def test_take_what_is_not_delivered(
    sessions: async_sessionmaker[AsyncSession], smtp_inbox: SmtpInbox, browser: Browser
) -> None:
    smtp_inbox.unknown.add(OFFICE_C[0])
    async with operator_user(sessions, smtp_inbox, browser) as operator:
        await operator.page.set_viewport_size(SCREEN)
        case = await operator.environment.apply(form([OFFICE_C], delegate=True))
        await at_rest(case, Stage.NOTIFY)
        await office(operator, case, 1, "メールを届けられませんでした", "undelivered")


async def failed_before(case: Case) -> bool:
    pending = (await case.office().describe()).raw_description.pending_activities
    return any(activity.attempt > 1 for activity in pending)


async def application(operator: OperatorUser, case: Case) -> None:
    await operator.open_application(case)
    await operator.read_details("申込 ")
    await keep(operator, "application")


async def office(operator: OperatorUser, case: Case, number: int, shown: str, name: str) -> None:
    await operator.open_office(case, number)
    await operator.read_details(shown)
    await keep(operator, name)


async def whole_form(operator: OperatorUser, action: Action, name: str) -> None:
    page = await operator.press(action.label)
    shrink(await page.screenshot(), name)
    await page.close()


async def lists(operator: OperatorUser, case: Case) -> None:
    """The worklist, and the place where the columns of the Web UI's lists are chosen."""
    await operator.page.goto(operator.desk.url + HOME)
    await operator.page.get_by_text(case.application_no).first.wait_for()
    await whole_screen(operator, "worklist")
    await operator.open_queue(Queue.WAITING_FOR_OPERATOR)
    await operator.choose_columns()
    await operator.page.get_by_role("heading", name="Configure Workflows Table").scroll_into_view_if_needed()
    await operator.page.wait_for_timeout(800)
    await whole_screen(operator, "columns")


async def keep(operator: OperatorUser, name: str, height: int = SCREEN["height"] - BAR_HEIGHT) -> None:
    IMAGES.mkdir(exist_ok=True)
    clip: FloatRect = {"x": MENU_WIDTH, "y": BAR_HEIGHT, "width": SCREEN["width"] - MENU_WIDTH, "height": height}
    await operator.page.wait_for_timeout(800)
    shrink(await operator.page.screenshot(clip=clip), name)


async def whole_screen(operator: OperatorUser, name: str) -> None:
    shrink(await operator.page.screenshot(), name)


def shrink(picture: bytes, name: str) -> None:
    """Keep a picture in few colours: a third of the size, and no eye sees it."""
    with Image.open(BytesIO(picture)) as image:
        image.convert("RGB").quantize(96).save(IMAGES / f"{name}.png", optimize=True)
