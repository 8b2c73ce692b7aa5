"""Every path through the procedures, as a customer and an operator walk it. Histories of each are kept and replayed."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from temporalio.client import WorkflowHandle

from models.common.calendar import day_in_japan
from models.common.operator_actions import EndCase, HandOver
from models.common.operator_message import ActionMessage
from models.common.waiting_for import WaitingFor
from models.tables import ApplicationOfficeRow, SharingRow
from models.yayoi.identifiers import ContractId, OfficeToken, YayoiId
from models.yayoi.mails import MailKind
from models.yayoi.operator_actions import (
    Action,
    AskCancel,
    Cancel,
    CorrectNames,
    CorrectPair,
    CorrectRelink,
    ExtendDeadline,
    LinkHolder,
    RenewLink,
    ResendMail,
    RetractRelink,
    RetractSetUpStep,
)
from models.yayoi.procedures import Procedure, SetUpStep, Stage
from models.yayoi.service_links import LinkKind
from tests.support.bounced import come_back
from tests.support.environment import NOBODY, OFFICE_B, OFFICE_C, Case, Environment, at_rest, form
from tests.support.operator_actions import answer, cancel_with_approval, retract_request
from workflows.yayoi.multi_office_application import MultiOfficeApplication

BANK_B = (LinkKind.BANK_ACCOUNT, "しおさい銀行 普通 1234567")
BANK_C = (LinkKind.BANK_ACCOUNT, "みずうみ銀行 普通 7654321")
AIR_C = (LinkKind.AIR_REGI, "Airレジ 本店")

Path = Callable[[Environment], Awaitable[Case]]


async def parts(case: Case) -> dict[str, WorkflowHandle[Any, Any]]:
    """Return the application and its offices by the names under which their histories are kept."""
    numbers = await case.environment.rows(
        select(ApplicationOfficeRow.office_no).filter_by(application_no=case.application_no).order_by("office_no")
    )
    numbered = {number: case.office(number) for number in numbers}
    own = {"office" if number == 1 else f"office{number}": office for number, office in numbered.items()}
    return {"application": case.application, **own}


async def reminded(case: Case) -> None:
    """Let time pass until the applicant has been reminded once, whatever the calendar."""
    await case.until_day(case.environment.calendar.business_days_after(day_in_japan(await case.now()), 3))


async def completed_at_once(environment: Environment) -> Case:
    case = await environment.apply(form())
    await at_rest(case, Stage.SET_UP)
    await case.do_steps(*SetUpStep)
    await case.relink(*BANK_B, day_in_japan(await case.now()))
    return case


async def mistakes_corrected(environment: Environment) -> Case:
    """A step and a re-link that were recorded by mistake, and a wrong day."""
    case = await environment.apply(form([OFFICE_B]))
    await at_rest(case, Stage.SET_UP)
    await case.do_steps(SetUpStep.SUPPORT_PASSWORD)
    await case.act(RetractSetUpStep(reason="記録の間違い", step=SetUpStep.SUPPORT_PASSWORD))
    kind, service = BANK_B
    link = {"reason": "記録の間違い", "link": await case.link(kind, service)}
    today = day_in_japan(await case.now())
    await case.relink(kind, service, today)
    await case.act(CorrectRelink(**link, relinked_on=today, asked_from=today - timedelta(days=1)))
    await case.act(RetractRelink(**link))
    await case.do_steps(*SetUpStep)
    await case.relink(kind, service, today)
    return case


async def not_linked(environment: Environment) -> Case:
    case = await environment.apply(form([(OFFICE_B[0], None)], linked=False))
    await at_rest(case, Stage.SET_UP)
    await case.do_steps(*SetUpStep)
    return case


async def confirmed_by_phone(environment: Environment) -> Case:
    """By somebody who shows no token: the contract's holder confirms it to an operator."""
    case = await environment.apply(form([(OFFICE_B[0], None)], linked=False), by_holder=False)
    await at_rest(case, Stage.CONFIRMATION)
    await case.office().execute_update(Action.REPORT_CONFIRMED, ActionMessage(reason="お電話"))
    await at_rest(case, Stage.SET_UP)
    await case.do_steps(*SetUpStep)
    return case


async def not_confirmed(environment: Environment) -> Case:
    """By a stranger: the contract's holder does not know it."""
    case = await environment.apply(form([(OFFICE_B[0], None)], linked=False), by_holder=False)
    await at_rest(case, Stage.CONFIRMATION)
    await case.office().execute_update(Action.REPORT_NOT_CONFIRMED, ActionMessage(reason="お電話"))
    return case


async def sharing_released_after_reminders(environment: Environment) -> Case:
    case = await environment.apply(form([OFFICE_C]))
    await at_rest(case, Stage.SHARING)
    await case.until(await case.now() + timedelta(days=11))
    await case.release_sharing()
    await at_rest(case, Stage.SET_UP)
    await case.do_steps(*SetUpStep)
    await case.relink(*BANK_C, day_in_japan(await case.now()))
    await case.relink(*AIR_C, day_in_japan(await case.now()))
    return case


async def sharing_released_on_behalf(environment: Environment) -> Case:
    case = await environment.apply(form([OFFICE_C], delegate=True))
    await at_rest(case, Stage.SET_UP)
    await case.do_steps(*SetUpStep)
    await case.relink(*BANK_C, day_in_japan(await case.now()))
    await case.relink(*AIR_C, day_in_japan(await case.now()))
    return case


async def two_offices(environment: Environment) -> Case:
    case = await environment.apply(form([OFFICE_B, OFFICE_C], delegate=True))
    for number in (1, 2):
        await at_rest(case, Stage.SET_UP, number)
        await case.do_steps(*SetUpStep, number=number)
    await case.relink(*BANK_B, day_in_japan(await case.now()), number=1)
    await case.relink(*BANK_C, day_in_japan(await case.now()), number=2)
    await case.relink(*AIR_C, day_in_japan(await case.now()), number=2)
    return case


async def incomplete_after_thirty_days(environment: Environment) -> Case:
    case = await environment.apply(form())
    await at_rest(case, Stage.SET_UP)
    await case.do_step(SetUpStep.SUPPORT_PASSWORD)
    await case.until(await case.now() + timedelta(days=32))
    await case.until(await case.now() + timedelta(days=92))
    return case


async def completed_after_closing(environment: Environment) -> Case:
    """What is open when the case closes is done later, some of it after the case was reopened."""
    case = await environment.apply(form())
    await at_rest(case, Stage.SET_UP)
    await case.do_step(SetUpStep.SUPPORT_PASSWORD)
    await case.until(await case.now() + timedelta(days=32))
    await case.do_step(SetUpStep.BUSINESS_GROUP)
    await case.act(ActionMessage(reason="お客様のご希望"), action=Action.REOPEN)
    await at_rest(case, Stage.SET_UP)
    await case.until(await case.now() + timedelta(days=32))
    await case.do_steps(SetUpStep.PRODUCT, SetUpStep.OWNED_PRODUCT)
    await case.relink(*BANK_B, day_in_japan(await case.now()))
    return case


async def sharing_never_released(environment: Environment) -> Case:
    case = await environment.apply(form([OFFICE_C]))
    await at_rest(case, Stage.SHARING)
    await case.until(await case.now() + timedelta(days=40))
    return case


async def rejected(environment: Environment) -> Case:
    case = await environment.apply(form([(NOBODY, OFFICE_B[1])]))
    await at_rest(case, Stage.CORRECTION)
    await case.act(EndCase(reason="お客様が弥生ID を登録されないため"), action=Action.REJECT)
    return case


async def corrected_after_a_reminder(environment: Environment) -> Case:
    case = await environment.apply(form([(NOBODY, OFFICE_B[1])]))
    await at_rest(case, Stage.CORRECTION)
    await reminded(case)
    await case.act(CorrectPair(reason="お電話", yayoi_id=OFFICE_B[0]))
    await at_rest(case, Stage.SET_UP)
    await case.do_steps(*SetUpStep)
    await case.relink(*BANK_B, day_in_japan(await case.now()))
    return case


async def cancelled_before_the_notice(environment: Environment) -> Case:
    case = await environment.apply(form([OFFICE_C]))
    await at_rest(case, Stage.SHARING)
    await case.act(Cancel(reason="二重のお申し込みのため"))
    return case


async def cancelled_after_the_notice(environment: Environment) -> Case:
    case = await environment.apply(form([OFFICE_C], delegate=True))
    await at_rest(case, Stage.SET_UP)
    await case.do_step(SetUpStep.SUPPORT_PASSWORD)
    await case.act(AskCancel(reason="別のお客様のご希望"))
    await retract_request(case, "別の案件の依頼だったため")
    await case.act(AskCancel(reason="お客様のご希望"))
    await answer(case, Action.DECLINE, "お客様にもう一度確認してください")
    await cancel_with_approval(case, "お客様に確認した")
    return case


async def cancelled_too_late(environment: Environment) -> Case:
    """*Request Cancellation* of the application: an operator's turn, and the case goes on to its end."""
    case = await environment.apply(form())
    await at_rest(case, Stage.SET_UP)
    await case.do_step(SetUpStep.SUPPORT_PASSWORD)
    await case.application.cancel()
    while (await case.progress()).waiting_for is not WaitingFor.OPERATOR:
        await case.settled()
    await case.act(ActionMessage(reason="お客様のご希望ではなかった"), action=Action.ADD_NOTE)
    await case.do_steps(*list(SetUpStep)[1:])
    await case.relink(*BANK_B, day_in_japan(await case.now()))
    return case


async def withdrawn(environment: Environment) -> Case:
    case = await environment.apply(form([OFFICE_C]))
    await at_rest(case, Stage.SHARING)
    await case.act(EndCase(reason="不要になったため"), action=Action.WITHDRAW)
    return case


async def held_and_extended(environment: Environment) -> Case:
    case = await environment.apply(form([OFFICE_C]))
    await at_rest(case, Stage.SHARING)
    await case.act(ActionMessage(reason="お客様と相談中"), action=Action.HOLD)
    await case.until(await case.now() + timedelta(days=5))
    await case.act(ActionMessage(reason="相談が終わったため"), action=Action.RESUME)
    expires = (await case.progress()).waits_until or case.due_date
    await case.act(ExtendDeadline(reason="お客様のご都合", until=expires + timedelta(days=7)))
    await case.act(ActionMessage(reason="お電話で同意"), action=Action.RELEASE_SHARING)
    await at_rest(case, Stage.SET_UP)
    await case.do_steps(*SetUpStep)
    await case.relink(*BANK_C, day_in_japan(await case.now()))
    await case.relink(*AIR_C, day_in_japan(await case.now()))
    return case


async def held_past_the_deadline(environment: Environment) -> Case:
    case = await environment.apply(form([OFFICE_C]))
    await at_rest(case, Stage.SHARING)
    await case.act(ActionMessage(reason="お客様と相談中"), action=Action.HOLD)
    await case.until(await case.now() + timedelta(days=32))
    later = day_in_japan(await case.now()) + timedelta(days=14)
    await case.act(ExtendDeadline(reason="お客様のご都合", until=later))
    await case.act(ActionMessage(reason="相談が終わったため"), action=Action.RESUME)
    await case.until(await case.now() + timedelta(hours=1))
    await case.act(EndCase(reason="不要になったため"), action=Action.WITHDRAW)
    return case


async def link_added(environment: Environment) -> Case:
    """会計連携の追加, with an ID that was mistyped at first."""
    first = await not_linked(environment)
    await first.application.result()
    [issued] = await first.issued()
    addition = form([OFFICE_B]).model_copy(update={"link_addition": True})
    pair = addition.offices[0].model_copy(update={"issued_contract_id": ContractId("8888888")})
    case = await environment.apply(addition.model_copy(update={"offices": (pair,)}))
    await at_rest(case, Stage.CORRECTION)
    right = ContractId(issued.contract_id)
    await case.act(CorrectPair(reason="お電話", issued_contract_id=right))
    await at_rest(case, Stage.RELINK)
    await case.relink(*BANK_B, day_in_japan(await case.now()))
    return case


async def linked_standalone(environment: Environment) -> Case:
    """With the customer's phone calls: a note, another operator, a mail sent again."""
    pair = (YayoiId("office-2@midorikawa.example.co.jp"), OfficeToken("b6000003-0000-4000-8000-000000000002"))
    case = await environment.apply(form([pair], contract=ContractId("6000003"), network=False))
    await at_rest(case, Stage.SET_UP)
    await case.act(ActionMessage(reason="お電話"), action=Action.ADD_NOTE)
    await case.act(RenewLink(reason="お電話", whose=LinkHolder.APPLICANT))
    await case.act(CorrectNames(reason="お電話", family_name="彌生"))
    await case.act(HandOver(reason="休暇のため", to="sm"))
    await case.act(ResendMail(reason="お電話", kind=MailKind.COMPLETION_NOTICE))
    await case.do_steps(*Procedure.LINKED_STANDALONE.set_up_steps)
    await case.relink(LinkKind.BANK_ACCOUNT, "みずうみ銀行 普通 2000003", day_in_japan(await case.now()))
    return case


async def not_linked_standalone(environment: Environment) -> Case:
    """With an address that is no Yayoi ID at first."""
    pair = (YayoiId("nobody@shiraishi.example.co.jp"), None)
    case = await environment.apply(form([pair], contract=ContractId("6000002"), linked=False, network=False))
    await at_rest(case, Stage.CORRECTION)
    right = YayoiId("office-2@shiraishi.example.co.jp")
    await case.act(CorrectPair(reason="お電話", yayoi_id=right))
    await at_rest(case, Stage.SET_UP)
    await case.act(Cancel(reason="お客様のご希望"))
    return case


async def all_cancelled(environment: Environment) -> Case:
    case = await environment.apply(form([OFFICE_B, OFFICE_C]))
    await at_rest(case, Stage.SET_UP, 1)
    await at_rest(case, Stage.SHARING, 2)
    cancel = Cancel(reason="お客様のご希望")
    await case.application.execute_update(MultiOfficeApplication.cancel, cancel)
    return case


async def one_ended_by_hand(environment: Environment) -> Case:
    """The application leaves the rest to the reconciliation."""
    case = await environment.apply(form([OFFICE_C, OFFICE_B]))
    await at_rest(case, Stage.SHARING, 1)
    await case.office(1).terminate("押し間違い")
    await at_rest(case, Stage.SET_UP, 2)
    await case.act(EndCase(reason="不要になったため"), 2, action=Action.WITHDRAW)
    return case


async def notice_undelivered(environment: Environment) -> Case:
    environment.inbox.unknown.add(OFFICE_C[0])
    case = await environment.apply(form([OFFICE_C], delegate=True))
    await at_rest(case, Stage.NOTIFY)
    environment.inbox.unknown.clear()
    again = ResendMail(reason="受け取れるとのお電話", kind=MailKind.COMPLETION_NOTICE)
    await case.act(again)
    await at_rest(case, Stage.SET_UP)
    await case.act(EndCase(reason="不要になったため"), action=Action.WITHDRAW)
    return case


async def notice_returned(environment: Environment) -> Case:
    """The notice is taken and comes back, twice; then it is sent again."""
    case = await environment.apply(form([OFFICE_C], delegate=True))
    await at_rest(case, Stage.SET_UP)
    again = ResendMail(reason="受け取れるとのお電話", kind=MailKind.COMPLETION_NOTICE)
    for _ in range(2):
        await come_back(environment, environment.inbox.to(OFFICE_C[0])[-1])
        await case.settled()
        await case.act(again)
    await case.settled()
    await case.act(EndCase(reason="不要になったため"), action=Action.WITHDRAW)
    return case


async def refused_step(environment: Environment) -> Case:
    """A step is refused for good, since somebody has closed the pair by hand; then it is open again."""
    case = await environment.apply(form([OFFICE_C]))
    await at_rest(case, Stage.SHARING)
    await set_closed(case, await case.now())
    async with environment.sessions.begin() as session:
        await session.execute(update(SharingRow).filter_by(office_token=OFFICE_C[1]).values(ended_at=await case.now()))
    await case.until_day(day_in_japan(await case.now()) + timedelta(days=1))
    await set_closed(case, None)
    return case


async def refused_and_tried_again(environment: Environment) -> Case:
    case = await refused_step(environment)
    await case.office().execute_update(Action.TRY_AGAIN, ActionMessage(reason="直したため"))
    await at_rest(case, Stage.SET_UP)
    await case.act(EndCase(reason="不要になったため"), action=Action.WITHDRAW)
    return case


async def set_closed(case: Case, at: datetime | None) -> None:
    async with case.environment.sessions.begin() as session:
        pair = update(ApplicationOfficeRow).filter_by(application_no=case.application_no)
        await session.execute(pair.values(closed_at=at))


async def waiting_for_sharing(environment: Environment) -> Case:
    case = await environment.apply(form([OFFICE_C]))
    await at_rest(case, Stage.SHARING)
    await reminded(case)
    return case


async def waiting_for_set_up(environment: Environment) -> Case:
    case = await environment.apply(form([OFFICE_C], delegate=True))
    await at_rest(case, Stage.SET_UP)
    await case.do_step(SetUpStep.SUPPORT_PASSWORD)
    await case.until(await case.now() + timedelta(days=16))
    return case


ENDED: tuple[Path, ...] = (
    mistakes_corrected,
    completed_at_once,
    not_linked,
    confirmed_by_phone,
    not_confirmed,
    sharing_released_after_reminders,
    sharing_released_on_behalf,
    two_offices,
    incomplete_after_thirty_days,
    completed_after_closing,
    sharing_never_released,
    rejected,
    corrected_after_a_reminder,
    cancelled_before_the_notice,
    cancelled_after_the_notice,
    cancelled_too_late,
    withdrawn,
    held_and_extended,
    held_past_the_deadline,
    link_added,
    linked_standalone,
    not_linked_standalone,
    all_cancelled,
    one_ended_by_hand,
    notice_undelivered,
    notice_returned,
    refused_and_tried_again,
)
IN_THE_MIDDLE: tuple[Path, ...] = (waiting_for_sharing, waiting_for_set_up)
