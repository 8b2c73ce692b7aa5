"""`make screenshots`: the pictures of the operators' guide, taken anew from the real Web UI. Not a test."""

from datetime import timedelta
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from models.actions import Cancel, Hold
from models.procedures import SetUpStep, Stage
from tests.conftest import SmtpInbox
from tests.desk import Desk, desk
from tests.paths import NOBODY, completed_at_once
from tests.world import OFFICE_B, OFFICE_C, OPERATOR, Case, at_rest, form
from workflows.queues import Asked, Queue, link

IMAGES = Path(__file__).parent.parent / "docs" / "images"


async def test_take(sessions: async_sessionmaker[AsyncSession], smtp_inbox: SmtpInbox) -> None:
    async with desk(sessions, smtp_inbox) as seat:
        await seat.page.set_viewport_size({"width": 1280, "height": 1250})
        case = await seat.world.apply(form([(NOBODY, OFFICE_B[1]), OFFICE_C]))
        await at_rest(case, Stage.CORRECTION, 1)
        await at_rest(case, Stage.SHARING, 2)
        await application(seat, case)
        await office(seat, case, 1, "訂正待ち", "correction")
        await seat.send_update(
            "correct_pair",
            {"by": "佐藤", "reason": "お電話で確認", "yayoi_id": OFFICE_B[0]},
            picture=IMAGES / "send-an-update.png",
        )
        await office(seat, case, 2, "共有解除待ち", "sharing")
        await at_rest(case, Stage.SET_UP, 1)
        await case.act(Hold(by=OPERATOR, reason="お客様と相談中"), 1)
        await office(seat, case, 1, "保留中です", "hold")
        await case.until(await case.now(2) + timedelta(days=9), 2)
        await office(seat, case, 2, "担当者の対応を待っている", "operators-turn")
        await queue(seat, case)
        await case.act(Cancel(by=OPERATOR, reason="二重のお申し込みのため"), 2)
        await case.office(2).result()
        await office(seat, case, 2, "この手続きは終了しました", "cancelled")


async def test_take_the_end(sessions: async_sessionmaker[AsyncSession], smtp_inbox: SmtpInbox) -> None:
    async with desk(sessions, smtp_inbox) as seat:
        await seat.page.set_viewport_size({"width": 1280, "height": 1250})
        case = await completed_at_once(seat.world)
        await case.application.result()
        await office(seat, case, 1, "この手続きは終了しました", "completed")
        other = await seat.world.apply(form([OFFICE_C], delegate=True))
        await at_rest(other, Stage.SET_UP)
        await other.do_step(SetUpStep.SUPPORT_PASSWORD)
        await office(seat, other, 1, "STEP5", "set-up")


async def application(seat: Desk, case: Case) -> None:
    await seat.open_application(case)
    await seat.read_details("申込 ")
    await keep(seat, "application")


async def office(seat: Desk, case: Case, number: int, shown: str, name: str) -> None:
    await seat.open_office(case, number)
    await seat.read_details(shown)
    await keep(seat, name)


async def queue(seat: Desk, case: Case) -> None:
    today = (await case.now(2)).date()
    await seat.page.goto(link(seat.ui_url, "default", Queue.WAITING_FOR_OPERATOR, Asked(today)))
    await seat.page.get_by_role("link", name="office/2").first.wait_for()
    await keep(seat, "queue")


async def keep(seat: Desk, name: str) -> None:
    IMAGES.mkdir(exist_ok=True)
    await seat.page.wait_for_timeout(800)
    await seat.page.screenshot(path=IMAGES / f"{name}.png")
