"""A system that refuses a step for good makes an operator's turn, and never ends a case (Y12, Y27)."""

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from models.common.operator_message import ActionMessage
from models.common.store.case_status import status_of
from models.common.waiting_for import WaitingFor
from models.yayoi.mails import MailKind
from models.yayoi.messages import Outcome
from models.yayoi.operator_actions import Action, Cancel
from models.yayoi.procedures import Stage
from tests.support.environment import OFFICE_C, Case, Environment, details_of, form
from tests.support.vendor_faults import Fault, attended, submitted, unattended

REASON = "この契約では、サービス契約ID を発行できません。"
AGAIN = ActionMessage(reason="契約の登録を直したため")
CANCEL = Cancel(reason="お客様のご希望")
STEPS = {
    "issue": Stage.ISSUE,
    "thaw": Stage.THAW,
}
"""Calls of a vendor's system, and the stage of the step that makes each."""


class Refusal(Fault):
    """Refuses for good until the cause is removed."""

    async def meet(self) -> None:
        await super().meet()
        if self.refuses:
            raise ApplicationError(REASON, non_retryable=True)

    refuses = True


@pytest.fixture
def alone(environment: Environment) -> Environment:
    return unattended(environment)


async def waits_for_an_operator(case: Case) -> None:
    while (await case.progress()).waiting_for is not WaitingFor.OPERATOR:
        await case.environment.temporal.get_current_time(case.office())
    await case.settled()


@pytest.mark.parametrize("call", STEPS)
async def test_a_step_that_is_refused_for_good_waits_for_an_operator_who_has_it_tried_again(
    alone: Environment, call: str
) -> None:
    refusal = Refusal()
    async with attended(alone, {call: refusal}):
        case = await submitted(alone, form([OFFICE_C], delegate=True))
        await case.started()
        await waits_for_an_operator(case)
        page = await details_of(case.office())
        assert REASON in page
        assert page.index(Action.TRY_AGAIN) < page.index("| 項目")
        assert (await case.progress()).stage is STEPS[call]
        async with alone.sessions() as session:
            status = await status_of(session, case.application_no, 1)
        assert status is not None
        assert (status.stage, status.waiting_for) == (STEPS[call], WaitingFor.OPERATOR)
        refusal.refuses = False
        await case.office().execute_update(Action.TRY_AGAIN, AGAIN)
        while (await case.progress()).stage is not Stage.SET_UP:
            await case.settled()
        await case.act(CANCEL)
        assert (await case.office().result()).outcome is Outcome.CANCELLED


@pytest.mark.long
async def test_a_case_whose_step_is_refused_can_be_cancelled_and_is_undone(alone: Environment) -> None:
    async with attended(alone, {"issue": Refusal()}):
        case = await submitted(alone, form([OFFICE_C], delegate=True))
        await case.started()
        await waits_for_an_operator(case)
        await case.act(CANCEL)
        assert (await case.office().result()).outcome is Outcome.CANCELLED
        await case.application.result()
    assert (await alone.office(OFFICE_C[1])).frozen_by is None
    assert await case.issued() == []
    assert len(await case.notices(MailKind.CANCELLED)) == 1


@pytest.mark.long
async def test_a_step_of_the_undoing_that_is_refused_waits_for_an_operator_and_is_made_up_for(
    alone: Environment,
) -> None:
    refusal = Refusal()
    async with attended(alone, {"restore sharing": refusal}):
        case = await submitted(alone, form([OFFICE_C], delegate=True))
        await case.started()
        while (await case.progress()).stage is not Stage.SET_UP:
            await case.settled()
        await case.act(CANCEL)
        await waits_for_an_operator(case)
        with pytest.raises(WorkflowUpdateFailedError):
            await case.act(CANCEL)
        refusal.refuses = False
        await case.office().execute_update(Action.TRY_AGAIN, AGAIN)
        assert (await case.office().result()).outcome is Outcome.CANCELLED


async def test_nothing_can_be_tried_again_where_nothing_was_refused(environment: Environment) -> None:
    case = await environment.apply(form([OFFICE_C]))
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await case.office().execute_update(Action.TRY_AGAIN, AGAIN)
    assert "受け付けられなかった処理はありません。" in str(refused.value.cause)


@pytest.mark.long
async def test_an_operation_whose_system_does_not_answer_says_so_and_can_be_sent_again(alone: Environment) -> None:
    fault = Fault(fails=True)
    async with attended(alone, {"end sharing": fault}):
        case = await submitted(alone, form([OFFICE_C]))
        await case.started()
        while (await case.progress()).waiting_for is not WaitingFor.APPLICANT:
            await case.settled()
        release = ActionMessage(reason="お電話")
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await case.act(release, action=Action.RELEASE_SHARING)
        assert "しばらくしてから、もう一度" in str(refused.value.cause)
        assert (await case.progress()).stage is Stage.SHARING
        fault.fails = False
        await case.act(release, action=Action.RELEASE_SHARING)
        while (await case.progress()).stage is not Stage.SET_UP:
            await case.settled()
        await case.act(CANCEL)
        assert (await case.office().result()).outcome is Outcome.CANCELLED
    assert [row.action for row in await case.audit()].count("申込者に代わって共有を解除した") == 1
