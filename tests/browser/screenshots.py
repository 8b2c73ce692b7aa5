"""`make screenshots`: the pictures of the operators' guide, taken anew from the real Web UI. Not a test."""

import asyncio
from datetime import timedelta
from functools import partial
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.async_api import Browser, FloatRect, ViewportSize
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from activities.common.failing_interceptor import ACTIVITY_FAILING
from models.common.calendar import day_in_japan
from models.yayoi.operator_actions import Cancel, Hold
from models.yayoi.procedures import SetUpStep, Stage
from tests.replay.paths import AIR_C, NOBODY, completed_at_once
from tests.support.desk import Desk, desk
from tests.support.smtp_inbox import SmtpInbox
from tests.support.world import OFFICE_B, OFFICE_C, OPERATOR, Case, at_rest, form, world_with_worker
from workflows.backoffice.queues import Queue

SCREEN: ViewportSize = {"width": 1280, "height": 1100}
WIDE_SCREEN: ViewportSize = {"width": 1560, "height": 1100}
"""Where all columns that the guide recommends are in sight."""
MENU_WIDTH, BAR_HEIGHT = 256, 50
"""The Web UI's own menu and bar, the same on every page, are left out of the pictures."""

IMAGES = Path(__file__).parents[2] / "docs" / "images"


async def test_take(sessions: async_sessionmaker[AsyncSession], smtp_inbox: SmtpInbox, browser: Browser) -> None:
    async with desk(sessions, smtp_inbox, browser) as seat:
        await seat.page.set_viewport_size(SCREEN)
        case = await seat.world.apply(form([(NOBODY, OFFICE_B[1]), OFFICE_C]))
        await at_rest(case, Stage.CORRECTION, 1)
        await at_rest(case, Stage.SHARING, 2)
        await application(seat, case)
        await office(seat, case, 1, "訂正待ち", "correction")
        await seat.send_update(
            "correct_pair",
            {"by": "佐藤", "reason": "お電話で確認", "yayoi_id": OFFICE_B[0]},
            before_submit=partial(whole_screen, seat, "send-an-update"),
        )
        await office(seat, case, 2, "共有解除待ち", "sharing")
        await at_rest(case, Stage.SET_UP, 1)
        await case.act(Hold(by=OPERATOR, reason="お客様と相談中"), 1)
        await office(seat, case, 1, "保留中です", "hold")
        await case.until(await case.now(2) + timedelta(days=9), 2)
        await office(seat, case, 2, "担当者の対応を待っている", "operators-turn")
        await queue(seat)
        await case.until_day(case.due_date + timedelta(days=1), 2)
        await office(seat, case, 2, "遅れています", "overdue")
        await case.act(Cancel(by=OPERATOR, reason="二重のお申し込みのため"), 2)
        await case.office(2).result()
        await office(seat, case, 2, "この手続きは終了しました", "cancelled")


async def test_take_the_end(
    sessions: async_sessionmaker[AsyncSession], smtp_inbox: SmtpInbox, browser: Browser
) -> None:
    async with desk(sessions, smtp_inbox, browser) as seat:
        await seat.page.set_viewport_size(SCREEN)
        case = await completed_at_once(seat.world)
        await case.application.result()
        await office(seat, case, 1, "この手続きは終了しました", "completed")
        other = await seat.world.apply(form([OFFICE_C], delegate=True))
        await at_rest(other, Stage.SET_UP)
        await other.do_step(SetUpStep.SUPPORT_PASSWORD)
        await office(seat, other, 1, "STEP5", "set-up")
        await other.do_steps(*list(SetUpStep)[1:])
        await other.relink(*AIR_C, day_in_japan(await other.now()))
        await office(seat, other, 1, "抜けのおそれ", "relink")


async def test_take_what_fails(
    sessions: async_sessionmaker[AsyncSession], smtp_inbox: SmtpInbox, browser: Browser
) -> None:
    """No mail can be sent: where the worker sends it, nothing listens."""
    gone = SmtpInbox()
    gone.port = 1
    async with (
        desk(sessions, smtp_inbox, browser) as seat,
        world_with_worker(sessions, seat.world.environment, gone) as world,
    ):
        await seat.page.set_viewport_size(SCREEN)
        case = await world.apply(form([OFFICE_C]))
        while not await failed_before(case):  # noqa: ASYNC110 what is waited for happens on the server
            await asyncio.sleep(0.1)
        await case.office().signal(ACTIVITY_FAILING, "send_mail")  # as the worker does after about two minutes
        await office(seat, case, 1, "処理の失敗が続いています", "failing")
        await seat.open_office(case, 1, "pending-activities")
        await seat.page.get_by_text("Last Failure").locator("visible=true").first.wait_for()
        await keep(seat, "pending-activities", height=520)


async def test_take_what_is_not_delivered(
    sessions: async_sessionmaker[AsyncSession], smtp_inbox: SmtpInbox, browser: Browser
) -> None:
    smtp_inbox.unknown.add(OFFICE_C[0])
    async with desk(sessions, smtp_inbox, browser) as seat:
        await seat.page.set_viewport_size(SCREEN)
        case = await seat.world.apply(form([OFFICE_C], delegate=True))
        await at_rest(case, Stage.NOTIFY)
        await office(seat, case, 1, "メールを届けられませんでした", "undelivered")


async def failed_before(case: Case) -> bool:
    pending = (await case.office().describe()).raw_description.pending_activities
    return any(activity.attempt > 1 for activity in pending)


async def application(seat: Desk, case: Case) -> None:
    await seat.open_application(case)
    await seat.read_details("申込 ")
    await keep(seat, "application")


async def office(seat: Desk, case: Case, number: int, shown: str, name: str) -> None:
    await seat.open_office(case, number)
    await seat.read_details(shown)
    await keep(seat, name)


async def queue(seat: Desk) -> None:
    """The queue with the columns that the guide recommends, and the place where they are chosen."""
    await seat.open_queue(Queue.WAITING_FOR_OPERATOR)
    await seat.choose_columns()
    await seat.page.get_by_role("heading", name="Configure Workflows Table").scroll_into_view_if_needed()
    await seat.page.wait_for_timeout(800)
    await whole_screen(seat, "columns")
    await seat.page.set_viewport_size(WIDE_SCREEN)
    await seat.open_queue(Queue.WAITING_FOR_OPERATOR)
    await seat.page.get_by_role("link", name="office/2").first.wait_for()
    await keep(seat, "queue", WIDE_SCREEN["width"], height=400)
    await seat.page.set_viewport_size(SCREEN)


async def keep(
    seat: Desk, name: str, width: int = SCREEN["width"], height: int = SCREEN["height"] - BAR_HEIGHT
) -> None:
    IMAGES.mkdir(exist_ok=True)
    clip: FloatRect = {"x": MENU_WIDTH, "y": BAR_HEIGHT, "width": width - MENU_WIDTH, "height": height}
    await seat.page.wait_for_timeout(800)
    shrink(await seat.page.screenshot(clip=clip), name)


async def whole_screen(seat: Desk, name: str) -> None:
    shrink(await seat.page.screenshot(), name)


def shrink(picture: bytes, name: str) -> None:
    """Keep a picture in few colours: a third of the size, and no eye sees it."""
    with Image.open(BytesIO(picture)) as image:
        image.convert("RGB").quantize(96).save(IMAGES / f"{name}.png", optimize=True)
