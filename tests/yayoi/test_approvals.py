"""Four eyes (Y27): one operator asks, a supervisor who is not the same person approves, or nobody does in time."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.service import RPCError

from models.common.acting import SYSTEM
from models.common.actors import Actor, ActorKind, Channel
from models.common.approvals import ANOTHER, APPROVAL_DAYS, ASKED_ALREADY, DECLINED, LAPSED, NOT_OWN, NOTHING_ASKED, OWN
from models.common.calendar import day_in_japan, end_of
from models.common.operators import Role
from models.common.signatures import SignatureRefusal
from models.common.waiting_for import WaitingFor
from models.yayoi.mails import MailKind
from models.yayoi.messages import Outcome
from models.yayoi.operator_actions import Action, AskCancel, RetractSetUpStep
from models.yayoi.procedures import SetUpStep, Stage
from models.yayoi.store.case_records import office_records
from tests.support.cases import SATO as ASKED_BY
from tests.support.ending import end
from tests.support.environment import OFFICE_C, TARO, Case, Environment, at_rest, details_of, form
from tests.support.operator_actions import APPROVED, filled_in, shown_actions
from tests.support.resets import reset
from tests.support.signing import SATO, SUZUKI, TANAKA, acting_as
from workers.stack.inbox import text_of

WISH = "お客様のご希望"
BOTH = Actor(ActorKind.OPERATOR, SATO.handle, (Role.CASEWORKER, Role.SUPERVISOR))
"""Who has asked, in another role."""
COMMAND = Actor(ActorKind.COMMAND, SATO.handle, channel=Channel.COMMAND)


async def asked(environment: Environment) -> Case:
    """A case after STEP5 whose cancellation is asked for."""
    case = await environment.apply(form([OFFICE_C], delegate=True))
    await at_rest(case, Stage.SET_UP)
    await case.do_step(SetUpStep.SUPPORT_PASSWORD)
    await case.act(AskCancel(reason=WISH, text_for_customer="お電話のとおりです。"))
    return case


async def decision(case: Case, action: Action = Action.APPROVE) -> dict[str, Any]:
    """Return the JSON that the page shows, filled in."""
    return filled_in((await shown_actions(case))[action], APPROVED)


async def refusal(case: Case, who: Actor, message: dict[str, Any], action: Action = Action.APPROVE) -> str:
    with acting_as(who), pytest.raises(WorkflowUpdateFailedError) as refused:
        await case.office().execute_update(action, message)
    return str(refused.value.cause)


async def answered(case: Case) -> str:
    """Return what the operator who has asked is mailed about what came of it."""
    await case.settled()
    [mail] = [
        mail for mail in case.environment.inbox.to(ASKED_BY) if mail["Subject"] == MailKind.APPROVAL_ANSWERED.subject
    ]
    return text_of(mail)


async def timeline(case: Case) -> str:
    entries = await case.office().query("timeline")
    return "\n".join(entry["text"] for entry in entries)


async def test_y27_a_supervisor_approves_what_was_asked_for_and_exactly_that_is_carried_out(
    environment: Environment,
) -> None:
    case = await asked(environment)
    assert (await case.progress()).waiting_for is WaitingFor.OPERATOR
    assert f"依頼：{SATO.shown}、理由：{WISH}" in await details_of(case.office())
    message = await decision(case)
    with acting_as(TANAKA):
        await case.office().execute_update(Action.APPROVE, message)
    assert (await case.office().result()).outcome is Outcome.CANCELLED
    recorded = {(row.action, row.by, row.reason) for row in await case.audit()}
    assert (Action.ASK_CANCEL.label, str(SATO), WISH) in recorded
    assert (Action.APPROVE.label, str(TANAKA), APPROVED) in recorded
    [approved] = [row for row in await case.audit() if row.action == Action.APPROVE.label]
    assert approved.content["detail"] == f"：{Action.CANCEL.label}（依頼：{SATO.shown}、理由：{WISH}）"
    [mail] = environment.inbox.to(TARO)[-1:]
    assert "お電話のとおりです。" in text_of(mail)
    answer = await answered(case)
    assert "依頼した操作は、承認されました。" in answer
    assert APPROVED in answer
    assert f"依頼：担当者 佐藤、理由：{WISH}" in answer


@pytest.mark.long
async def test_y27_nobody_approves_their_own_and_nobody_without_the_role(environment: Environment) -> None:
    case = await asked(environment)
    message = await decision(case)
    assert OWN in await refusal(case, BOTH, message)
    for who in (SATO, COMMAND, Actor(ActorKind.COMMAND, "uid-0", channel=Channel.COMMAND)):
        assert SignatureRefusal.NOT_ALLOWED.reason in await refusal(case, who, message)
    assert (await case.progress()).outcome is None
    with acting_as(COMMAND), pytest.raises(WorkflowUpdateFailedError) as failed:
        await case.office().execute_update(Action.ASK_CANCEL, {"reason": WISH})
    assert SignatureRefusal.NOT_ALLOWED.reason in str(failed.value.cause)
    await end(case.application, case.office())


async def test_y27_nobody_ends_a_case_alone_by_undoing_the_record_that_the_customer_has_begun(
    environment: Environment,
) -> None:
    """Nor after a Reset, which has forgotten it; nor does the page offer what is refused."""
    case = await environment.apply(form([OFFICE_C], delegate=True))
    await at_rest(case, Stage.SET_UP)
    await case.do_step(SetUpStep.SUPPORT_PASSWORD)
    await case.act(RetractSetUpStep(reason=WISH, step=SetUpStep.SUPPORT_PASSWORD))
    for _ in range(2):
        shown = await shown_actions(case)
        assert not {Action.CANCEL, Action.WITHDRAW} & shown.keys()
        assert Action.ASK_CANCEL in shown
        for action in (Action.CANCEL, Action.WITHDRAW):
            assert "責任者" in await refusal(case, SATO, {"reason": WISH}, action)
        async with environment.sessions() as session:
            assert (await office_records(session, case.application_no))[1].begun
        await reset(environment.client, case.office())
        await at_rest(case, Stage.SET_UP)
    await case.act(AskCancel(reason=WISH))
    await end(case.application, case.office())


async def test_y27_of_two_who_ask_in_one_moment_one_hears_that_the_other_was_first(environment: Environment) -> None:
    """Without this, the first request would be gone without an answer."""
    case = await environment.apply(form([OFFICE_C], delegate=True))
    await at_rest(case, Stage.SET_UP)
    await case.do_step(SetUpStep.SUPPORT_PASSWORD)
    sent = []
    for who in (SATO, SUZUKI):
        with acting_as(who):
            sent.append(asyncio.create_task(case.act(AskCancel(reason=WISH))))
    came = await asyncio.gather(*sent, return_exceptions=True)
    [refusal] = [str(each.cause) for each in came if isinstance(each, WorkflowUpdateFailedError)]
    assert ASKED_ALREADY in refusal
    assert [row.action for row in await case.audit()].count(Action.ASK_CANCEL.label) == 1
    await end(case.application, case.office())


async def test_y27_of_two_who_end_a_case_in_one_moment_one_hears_that_it_is_ending(environment: Environment) -> None:
    case = await environment.apply(form([OFFICE_C]))
    await at_rest(case, Stage.SHARING)
    ends = (Action.CANCEL, Action.WITHDRAW)
    sent = [case.office().execute_update(action, {"reason": WISH}) for action in ends]
    came = await asyncio.gather(*sent, return_exceptions=True)
    [refusal] = [each for each in came if isinstance(each, BaseException)]
    if isinstance(refusal, WorkflowUpdateFailedError):
        assert "すでに終了したか、終了の処理中です。" in str(refusal.cause)
    else:  # it came when the first was all done: Temporal itself says that the case has ended
        assert isinstance(refusal, RPCError)
    await case.office().result()
    assert len([row for row in await case.audit() if row.reason == WISH]) == 1


async def test_y27_who_has_asked_takes_it_back_and_nobody_else_does(environment: Environment) -> None:
    case = await asked(environment)
    approval, retraction = await decision(case), await decision(case, Action.RETRACT_REQUEST)
    assert NOT_OWN in await refusal(case, TANAKA, retraction, Action.RETRACT_REQUEST)
    assert ANOTHER in await refusal(case, SATO, retraction | {"asked": "x"}, Action.RETRACT_REQUEST)
    await case.office().execute_update(Action.RETRACT_REQUEST, retraction)
    progress = await case.progress()
    assert (progress.waiting_for, progress.awaits_approval) == (WaitingFor.APPLICANT, False)
    assert (Action.RETRACT_REQUEST.label, str(SATO)) in {(row.action, row.by) for row in await case.audit()}
    assert NOTHING_ASKED in await refusal(case, TANAKA, approval)
    await case.settled()
    assert MailKind.APPROVAL_ANSWERED.subject not in {mail["Subject"] for mail in environment.inbox.mails}
    await end(case.application, case.office())


async def test_y27_an_approval_names_the_very_request(environment: Environment) -> None:
    case = await asked(environment)
    message = await decision(case)
    for name in ("asked", "commitment"):
        assert ANOTHER in await refusal(case, TANAKA, message | {name: "x" * 43})
    with acting_as(TANAKA):
        await case.office().execute_update(Action.DECLINE, await decision(case, Action.DECLINE))
    assert (await case.progress()).waiting_for is WaitingFor.APPLICANT
    assert f"依頼した操作は、{DECLINED}。" in await answered(case)
    assert NOTHING_ASKED in await refusal(case, TANAKA, message)
    # Asked for again, it is another request: the first approval is not good for it.
    await case.act(AskCancel(reason=WISH))
    assert ANOTHER in await refusal(case, TANAKA, message)
    await end(case.application, case.office())


@pytest.mark.long
async def test_y27_what_nobody_answers_within_three_business_days_lapses_and_says_so(environment: Environment) -> None:
    case = await asked(environment)
    message = await decision(case)
    last = environment.calendar.business_days_after(day_in_japan(await case.now()), APPROVAL_DAYS)
    assert await case.until(end_of(last) - timedelta(hours=1))
    assert Action.APPROVE in await shown_actions(case)
    assert await case.until(end_of(last))
    assert "承認の依頼が失効した" in await timeline(case)
    [lapsed] = [row for row in await case.audit() if row.action.startswith("承認の依頼が失効した：")]
    assert (lapsed.by, lapsed.reason) == (SYSTEM, f"{last} までに承認されませんでした。")
    assert f"依頼した操作は、{LAPSED}。" in await answered(case)
    assert f"{last} までに承認されませんでした。" in await timeline(case)
    assert NOTHING_ASKED in await refusal(case, TANAKA, message)
    assert (await case.progress()).outcome is None
    await end(case.application, case.office())


@pytest.mark.long
async def test_y27_a_request_lapses_when_the_case_moves_on(environment: Environment) -> None:
    case = await asked(environment)
    message = await decision(case)
    await case.do_steps(SetUpStep.BUSINESS_GROUP, SetUpStep.PRODUCT, SetUpStep.OWNED_PRODUCT)
    await at_rest(case, Stage.RELINK)
    assert f"手続きが進みました（{Stage.RELINK}）。" in await timeline(case)
    assert NOTHING_ASKED in await refusal(case, TANAKA, message)
    await end(case.application, case.office())
