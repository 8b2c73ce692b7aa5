"""`make screenshots`: the pictures of the operators' guide, taken anew from the real Web UI. Not a test."""

import asyncio
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.async_api import Browser, FloatRect, Page, ViewportSize
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from models.common.calendar import day_in_japan, opening_of
from models.common.desk_links import WORKLIST, desk_case_path
from models.common.messages import ACTIVITY_FAILING
from models.common.operator_actions import HandOver
from models.common.operator_message import ActionMessage
from models.yayoi.deadlines import OPERATOR_ALERT_DAYS
from models.yayoi.operator_actions import Action, CorrectPair
from models.yayoi.procedures import Stage
from tests.support.environment import NOBODY, OFFICE_B, OFFICE_C, Case, at_rest, form
from tests.support.operator_user import HANDLE, OperatorUser, operator_user
from tests.support.smtp_inbox import SmtpInbox

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
        for number in (1, 2):
            await case.act(HandOver(reason="担当", to=HANDLE), number)
        await application(operator, case)
        await office(operator, case, 1, "訂正待ち", "correction")
        form_page = await operator.press(Action.CORRECT_PAIR.label)
        await whole_page(form_page, "operation")
        await form_page.close()
        await case.act(CorrectPair(reason="お電話で確認", yayoi_id=OFFICE_B[0]), 1)
        await at_rest(case, Stage.SET_UP, 1)
        await case.act(ActionMessage(reason="お客様と相談中"), 1, action=Action.HOLD)
        due = case.due_date
        await case.until_day(operator.environment.calendar.business_days_before(due, OPERATOR_ALERT_DAYS), 2)
        await office(operator, case, 2, "お客様に連絡し、", "operators-turn")
        operator.desk.clock.time = opening_of(day_in_japan(await case.now(2)))
        for path, name in ((WORKLIST, "worklist"), (desk_case_path(case.application_no, 2), "desk-case")):
            await operator.log_in()  # the desk's clock has gone on
            await operator.page.goto(operator.desk.url + path)
            await whole_page(operator.page, name)


async def test_take_what_fails(sessions: async_sessionmaker[AsyncSession], browser: Browser) -> None:
    """No mail can be sent: where the worker sends it, nothing listens."""
    gone = SmtpInbox()
    gone.port = 1
    async with operator_user(sessions, gone, browser) as operator:
        await operator.page.set_viewport_size(SCREEN)
        case = await operator.environment.apply(form([OFFICE_C]))
        while not await failed_before(case):  # noqa: ASYNC110 what is waited for happens on the server
            await asyncio.sleep(0.1)
        await case.office().signal(ACTIVITY_FAILING, "send_mail")  # as the worker does after about two minutes
        await office(operator, case, 1, "処理の失敗が続いています", "failing")


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


async def keep(operator: OperatorUser, name: str) -> None:
    clip: FloatRect = {
        "x": MENU_WIDTH,
        "y": BAR_HEIGHT,
        "width": SCREEN["width"] - MENU_WIDTH,
        "height": SCREEN["height"] - BAR_HEIGHT,
    }
    await operator.page.wait_for_timeout(800)
    shrink(await operator.page.screenshot(clip=clip), name)


async def whole_page(page: Page, name: str) -> None:
    shrink(await page.screenshot(full_page=True), name)


def shrink(picture: bytes, name: str) -> None:
    """Keep a picture in few colours: a third of the size, and no eye sees it."""
    IMAGES.mkdir(exist_ok=True)
    with Image.open(BytesIO(picture)) as image:
        image.convert("RGB").quantize(96).save(IMAGES / f"{name}.png", optimize=True)
