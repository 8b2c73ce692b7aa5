"""Every way through the procedures, as a customer and an operator walk it. Histories of each are kept and replayed."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from models.actions import Cancel, CorrectPair, ExtendDeadline, Hold, Reject, ReleaseSharing, Resume, Withdraw
from models.calendar import day_in_japan
from models.identifiers import YayoiId
from models.links import LinkKind
from models.procedures import SetUpStep, Stage
from tests.world import OFFICE_B, OFFICE_C, OPERATOR, Case, World, at_rest, form

BANK_B = (LinkKind.BANK_ACCOUNT, "しおさい銀行 普通 1234567")
BANK_C = (LinkKind.BANK_ACCOUNT, "みずうみ銀行 普通 7654321")
NOBODY = YayoiId("nobody@yayoi-taro.example.jp")
AIR_C = (LinkKind.AIR_REGI, "Airレジ 本店")

Path = Callable[[World], Awaitable[Case]]


async def completed_at_once(world: World) -> Case:
    case = await world.apply(form())
    await at_rest(case, Stage.SET_UP)
    await case.do_steps(*SetUpStep)
    await case.relink(*BANK_B, day_in_japan(await case.now()))
    return case


async def not_linked(world: World) -> Case:
    case = await world.apply(form([(OFFICE_B[0], None)], linked=False))
    await at_rest(case, Stage.SET_UP)
    await case.do_steps(*SetUpStep)
    return case


async def sharing_released_after_reminders(world: World) -> Case:
    case = await world.apply(form([OFFICE_C]))
    await at_rest(case, Stage.SHARING)
    await case.until(await case.now() + timedelta(days=11))
    await case.release_sharing()
    await at_rest(case, Stage.SET_UP)
    await case.do_steps(*SetUpStep)
    await case.relink(*BANK_C, day_in_japan(await case.now()))
    await case.relink(*AIR_C, day_in_japan(await case.now()))
    return case


async def sharing_released_on_behalf(world: World) -> Case:
    case = await world.apply(form([OFFICE_C], delegate=True))
    await at_rest(case, Stage.SET_UP)
    await case.do_steps(*SetUpStep)
    await case.relink(*BANK_C, day_in_japan(await case.now()))
    await case.relink(*AIR_C, day_in_japan(await case.now()))
    return case


async def two_offices(world: World) -> Case:
    case = await world.apply(form([OFFICE_B, OFFICE_C], delegate=True))
    for number in (1, 2):
        await at_rest(case, Stage.SET_UP, number)
        await case.do_steps(*SetUpStep, number=number)
    await case.relink(*BANK_B, day_in_japan(await case.now()), number=1)
    await case.relink(*BANK_C, day_in_japan(await case.now()), number=2)
    await case.relink(*AIR_C, day_in_japan(await case.now()), number=2)
    return case


async def incomplete_after_thirty_days(world: World) -> Case:
    case = await world.apply(form())
    await at_rest(case, Stage.SET_UP)
    await case.do_step(SetUpStep.SUPPORT_PASSWORD)
    await case.until(await case.now() + timedelta(days=32))
    return case


async def sharing_never_released(world: World) -> Case:
    case = await world.apply(form([OFFICE_C]))
    await at_rest(case, Stage.SHARING)
    await case.until(await case.now() + timedelta(days=40))
    return case


async def rejected(world: World) -> Case:
    case = await world.apply(form([(NOBODY, OFFICE_B[1])]))
    await at_rest(case, Stage.CORRECTION)
    await case.act(Reject(by=OPERATOR, reason="お客様が弥生ID を登録されないため"))
    return case


async def corrected_after_a_reminder(world: World) -> Case:
    case = await world.apply(form([(NOBODY, OFFICE_B[1])]))
    await at_rest(case, Stage.CORRECTION)
    await case.until(await case.now() + timedelta(days=6))
    await case.act(CorrectPair(by=OPERATOR, reason="お電話", yayoi_id=OFFICE_B[0]))
    await at_rest(case, Stage.SET_UP)
    await case.do_steps(*SetUpStep)
    await case.relink(*BANK_B, day_in_japan(await case.now()))
    return case


async def cancelled_before_the_notice(world: World) -> Case:
    case = await world.apply(form([OFFICE_C]))
    await at_rest(case, Stage.SHARING)
    await case.act(Cancel(by=OPERATOR, reason="二重のお申し込みのため"))
    return case


async def cancelled_after_the_notice(world: World) -> Case:
    case = await world.apply(form([OFFICE_C], delegate=True))
    await at_rest(case, Stage.SET_UP)
    await case.do_step(SetUpStep.SUPPORT_PASSWORD)
    await case.act(Cancel(by=OPERATOR, reason="お客様のご希望", supervisor="田中（責任者）"))
    return case


async def cancelled_too_late(world: World) -> Case:
    """*Request Cancellation* after STEP5 began: refused, audited, and the case goes on to its end."""
    case = await world.apply(form())
    await at_rest(case, Stage.SET_UP)
    await case.do_step(SetUpStep.SUPPORT_PASSWORD)
    await case.application.cancel()
    while not any("取り消さなかった" in row.action for row in await case.audit()):
        await case.settled()
    await case.do_steps(*list(SetUpStep)[1:])
    await case.relink(*BANK_B, day_in_japan(await case.now()))
    return case


async def withdrawn(world: World) -> Case:
    case = await world.apply(form([OFFICE_C]))
    await at_rest(case, Stage.SHARING)
    await case.act(Withdraw(by="申込者", reason="不要になったため"))
    return case


async def held_and_extended(world: World) -> Case:
    case = await world.apply(form([OFFICE_C]))
    await at_rest(case, Stage.SHARING)
    await case.act(Hold(by=OPERATOR, reason="お客様と相談中"))
    await case.until(await case.now() + timedelta(days=5))
    await case.act(Resume(by=OPERATOR, reason="相談が終わったため"))
    expires = (await case.progress()).waits_until or case.due_date
    await case.act(ExtendDeadline(by=OPERATOR, reason="お客様のご都合", until=expires + timedelta(days=7)))
    await case.act(ReleaseSharing(by=OPERATOR, reason="お電話で同意"))
    await at_rest(case, Stage.SET_UP)
    await case.do_steps(*SetUpStep)
    await case.relink(*BANK_C, day_in_japan(await case.now()))
    await case.relink(*AIR_C, day_in_japan(await case.now()))
    return case


async def waiting_for_sharing(world: World) -> Case:
    case = await world.apply(form([OFFICE_C]))
    await at_rest(case, Stage.SHARING)
    await case.until(await case.now() + timedelta(days=6))
    return case


async def waiting_for_set_up(world: World) -> Case:
    case = await world.apply(form([OFFICE_C], delegate=True))
    await at_rest(case, Stage.SET_UP)
    await case.do_step(SetUpStep.SUPPORT_PASSWORD)
    await case.until(await case.now() + timedelta(days=16))
    return case


ENDED: tuple[Path, ...] = (
    completed_at_once,
    not_linked,
    sharing_released_after_reminders,
    sharing_released_on_behalf,
    two_offices,
    incomplete_after_thirty_days,
    sharing_never_released,
    rejected,
    corrected_after_a_reminder,
    cancelled_before_the_notice,
    cancelled_after_the_notice,
    cancelled_too_late,
    withdrawn,
    held_and_extended,
)
IN_THE_MIDDLE: tuple[Path, ...] = (waiting_for_sharing, waiting_for_set_up)
