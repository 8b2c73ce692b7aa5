"""A mail that is refused for good holds up no case: an operator reaches the customer in another way (Y18)."""

import pytest
from temporalio.client import WorkflowUpdateFailedError

from models.common.calendar import day_in_japan
from models.common.operator_actions import HandOver
from models.common.operator_message import ActionMessage
from models.common.waiting_for import WaitingFor
from models.yayoi.mails import MailKind
from models.yayoi.messages import Outcome
from models.yayoi.operator_actions import Action, Cancel, ResendMail
from models.yayoi.procedures import Stage
from tests.support.environment import OFFICE_B, OFFICE_C, TARO, Case, Environment, at_rest, details_of, form
from tests.support.snapshot import snapshot

RESEND = ResendMail(reason="受け取れるようになったとのお電話", kind=MailKind.COMPLETION_NOTICE)


async def unnotified(environment: Environment) -> Case:
    """Office C has its new contract ID; the notice is refused."""
    environment.inbox.unknown.add(OFFICE_C[0])
    case = await environment.apply(form([OFFICE_C], delegate=True))
    await at_rest(case, Stage.NOTIFY)
    return case


async def test_y18_a_notice_that_cannot_be_delivered_is_an_operators_until_it_is(environment: Environment) -> None:
    case = await unnotified(environment)
    assert (await case.progress()).waiting_for is WaitingFor.OPERATOR
    shown = await details_of(case.office())
    assert "メールを届けられませんでした" in shown
    assert "SMTP 550" in shown
    assert "/operations/resend_mail)" in shown
    assert (await environment.office(OFFICE_C[1])).frozen_by is not None
    with pytest.raises(WorkflowUpdateFailedError) as again:
        await case.act(RESEND)
    assert "SMTP 550" in str(again.value.cause)
    environment.inbox.unknown.clear()
    await case.act(RESEND)
    await at_rest(case, Stage.SET_UP)
    assert len(environment.inbox.to(OFFICE_C[0])) == 1
    assert (await environment.office(OFFICE_C[1])).frozen_by is None
    assert (await case.progress()).waiting_for is WaitingFor.APPLICANT


async def test_y27_a_case_whose_notice_cannot_be_delivered_can_be_cancelled(environment: Environment) -> None:
    before = await snapshot(environment)
    case = await unnotified(environment)
    await case.act(Cancel(reason="お客様に連絡がつかないため"))
    assert (await case.office().result()).outcome is Outcome.CANCELLED
    assert (await snapshot(environment)).of(OFFICE_C[1]) == before.of(OFFICE_C[1])


@pytest.mark.long
async def test_y13_an_applicant_who_cannot_be_reached_by_mail_is_an_operators(environment: Environment) -> None:
    environment.inbox.unknown.add(TARO)
    case = await environment.apply(form([OFFICE_C]))
    await at_rest(case, Stage.SHARING)
    assert (await case.progress()).waiting_for is WaitingFor.OPERATOR
    assert MailKind.RELEASE_SHARING.subject in await details_of(case.office())
    await case.act(ActionMessage(reason="お電話で伝えた"), action=Action.ADD_NOTE)
    assert (await case.progress()).waiting_for is WaitingFor.APPLICANT
    await case.release_sharing()
    await at_rest(case, Stage.SET_UP)
    assert "届けられませんでした" not in await details_of(case.office())
    of_all = await details_of(case.application)
    assert "届けられなかったメール" in of_all
    assert MailKind.RECEIPT.subject in of_all


async def test_y25_a_reminder_that_cannot_be_delivered_is_an_operators(environment: Environment) -> None:
    case = await environment.apply(form([OFFICE_B]))
    await at_rest(case, Stage.SET_UP)
    environment.inbox.unknown.add(OFFICE_B[0])
    await case.until_day(environment.calendar.business_days_after(day_in_japan(await case.now()), 4))
    progress = await case.progress()
    assert (progress.stage, progress.waiting_for) == (Stage.SET_UP, WaitingFor.OPERATOR)
    assert MailKind.FOLLOW_UP_REMINDER.subject in await details_of(case.office())


async def test_y18_a_note_does_not_end_the_wait_for_a_notice_that_is_undelivered(environment: Environment) -> None:
    case = await unnotified(environment)
    await case.act(ActionMessage(reason="留守番電話に残した"), action=Action.ADD_NOTE)
    progress = await case.progress()
    assert (progress.stage, progress.waiting_for) == (Stage.NOTIFY, WaitingFor.OPERATOR)
    await case.until_day(environment.calendar.business_days_after(day_in_japan(await case.now()), 2))
    assert await case.notices(MailKind.OPERATOR_REMINDER)


async def test_a_case_that_was_handed_over_goes_on_to_a_colleague_all_the_same(environment: Environment) -> None:
    """What the escalation asks for is not the update that began it."""
    case = await unnotified(environment)
    await case.act(HandOver(reason="休暇のため", to="sm"))
    await case.until_day(environment.calendar.business_days_after(day_in_japan(await case.now()), 4))
    assert (await case.progress()).assignee == "sk"
