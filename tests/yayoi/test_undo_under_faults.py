"""Undoing while systems fail, workers die, and people press two buttons at once: one consistent end (Y27)."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable

import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.testing import WorkflowEnvironment

from activities.common.failures import FAILS_AT_ATTEMPT
from models.common.approvals import ASKED_ALREADY
from models.common.calendar import day_in_japan
from models.common.operator_actions import EndCase
from models.common.operator_message import ActionMessage
from models.common.refusals import RefusedError
from models.common.waiting_for import WaitingFor
from models.yayoi.mails import MailKind
from models.yayoi.messages import Outcome
from models.yayoi.operator_actions import Action, AskCancel, Cancel
from models.yayoi.procedures import SetUpStep, Stage
from models.yayoi.store.intake import Intake
from tests.support.environment import (
    NOBODY,
    OFFICE_B,
    OFFICE_C,
    TARO,
    Case,
    Environment,
    at_rest,
    environment_with_worker,
    form,
)
from tests.support.operator_actions import APPROVED, approve, cancel_with_approval, filled_in, shown_actions
from tests.support.recorded_paths import BANK_C
from tests.support.signing import SATO, TANAKA, acting_as
from tests.support.smtp_inbox import SmtpInbox
from tests.support.snapshot import Snapshot, snapshot
from tests.support.status_rows import status_rows_say_what_the_procedures_are
from tests.support.vendor_faults import Fault, attended, submitted, unattended
from workers.stack.inbox import text_of
from workflows.common.search_attributes import FAILING, WAITING_FOR
from workflows.yayoi.multi_office_application import MultiOfficeApplication

pytestmark = pytest.mark.long

CANCEL = Cancel(reason="お客様のご希望")
MANY_TRIES = 8
"""More than after which operators are notified: a system that fails for days."""


@pytest_asyncio.fixture
async def environment(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment, smtp_inbox: SmtpInbox
) -> AsyncIterator[Environment]:
    """Nobody works on its cases until a test attends to it."""
    async with environment_with_worker(sessions, temporal, smtp_inbox) as environment:
        yield unattended(environment)


async def set_up_begun(environment: Environment) -> Case:
    """Office C, whose sharing the system has released, has its ID and has begun STEP5."""
    case = await submitted(environment, form([OFFICE_C], delegate=True))
    await case.started()
    await at_rest(case, Stage.SET_UP)
    await case.do_step(SetUpStep.SUPPORT_PASSWORD)
    return case


async def shared(environment: Environment) -> Case:
    """Office C is frozen and waits until its sharing has ended."""
    case = await submitted(environment, form([OFFICE_C]))
    await case.started()
    await at_rest(case, Stage.SHARING)
    return case


async def undone_once(case: Case, before: Snapshot) -> None:
    """Everything is as it was, and every effect on the way back happened once."""
    assert (await case.office().result()).outcome is Outcome.CANCELLED
    await case.application.result()
    assert await snapshot(case.environment) == before
    await status_rows_say_what_the_procedures_are(case)
    assert [row.revoked_at is None for row in await case.issued()] in ([], [False])
    actions = Counter(row.action for row in await case.audit())
    assert {action for action, times in actions.items() if times > 1} == set()
    message_ids = [mail["Message-ID"] for mail in case.environment.inbox.mails]
    assert len(message_ids) == len(set(message_ids))
    assert len([mail for mail in case.environment.inbox.to(TARO) if mail["Subject"] == MailKind.CANCELLED.subject]) == 1


async def cancel(case: Case) -> None:
    """Cancel; once STEP5 has begun a supervisor has to agree (Y27)."""
    if Action.ASK_CANCEL in await shown_actions(case):
        await cancel_with_approval(case, CANCEL.reason)
    else:
        await case.act(CANCEL)


UNDO_STEPS = ("revoke", "restore links", "restore sharing", "thaw", MailKind.CANCELLED.subject)


@pytest.mark.parametrize("step", UNDO_STEPS)
async def test_y27_an_undo_step_that_fails_for_days_is_made_up_for(environment: Environment, step: str) -> None:
    before, fault = await snapshot(environment), Fault()
    async with attended(environment, {step: fault}):
        case = await (shared(environment) if step == "thaw" else set_up_begun(environment))
        fault.begin(fails=True)
        await cancel(case)
        await fault.tried(MANY_TRIES)
        assert (await case.progress()).outcome is not Outcome.COMPLETED
        if step != MailKind.CANCELLED.subject:  # the last mail is written about a pair that is free again
            with pytest.raises(RefusedError):  # the pair is still held (Y1)
                await Intake(environment.sessions, environment.calendar).receive(form([OFFICE_C]))
        fault.fails = False
        await undone_once(case, before)


DEATHS = (
    "revoke",
    "revoke, before the commit",
    "restore sharing",
    "restore sharing, before the commit",
    "thaw",
    "thaw, before the commit",
    MailKind.CANCELLED.subject,
)


@pytest.mark.long
@pytest.mark.parametrize("moment", DEATHS)
async def test_y27_a_worker_that_dies_half_way_is_replaced_and_the_undo_ends(
    environment: Environment, moment: str
) -> None:
    before, fault = await snapshot(environment), Fault()
    async with attended(environment, {moment: fault}):
        case = await (shared(environment) if moment.startswith("thaw") else set_up_begun(environment))
        fault.begin(late=True)
        await cancel(case)
        await fault.reached.wait()
    async with attended(environment):
        await undone_once(case, before)


async def test_y27_a_cancellation_in_the_moment_of_the_issue_revokes_the_id_and_sends_no_notice(
    environment: Environment,
) -> None:
    before, fault = await snapshot(environment), Fault(late=True)
    async with attended(environment, {"issue": fault}):
        case = await submitted(environment, form([OFFICE_C], delegate=True))
        await fault.reached.wait()
        await cancel(case)
        fault.go.set()
        await undone_once(case, before)
    [issued] = await case.issued()
    assert issued.revoked_at is not None
    assert await case.notices(MailKind.COMPLETION_NOTICE) == []
    [notice] = [mail for mail in environment.inbox.to(TARO) if mail["Subject"] == MailKind.CANCELLED.subject]
    assert OFFICE_C[0] not in [mail["To"] for mail in environment.inbox.mails]
    assert "スマート取引取込" in text_of(notice)


async def test_y27_a_cancellation_during_the_notice_takes_the_notified_id_back(environment: Environment) -> None:
    before, fault = await snapshot(environment), Fault(late=True)
    async with attended(environment, {MailKind.COMPLETION_NOTICE.subject: fault}):
        case = await submitted(environment, form([OFFICE_C], delegate=True))
        await fault.reached.wait()
        await cancel(case)
        fault.go.set()
        await undone_once(case, before)
    [issued] = await case.issued()
    [notice] = [mail for mail in environment.inbox.to(TARO) if mail["Subject"] == MailKind.CANCELLED.subject]
    assert f"（{issued.contract_id}）は、ご利用いただけなくなりました。" in text_of(notice)


async def test_y27_a_release_on_behalf_that_is_in_hand_is_taken_back_after_it(environment: Environment) -> None:
    before, fault = await snapshot(environment), Fault(late=True)
    async with attended(environment, {"end sharing": fault}):
        case = await shared(environment)
        consent = ActionMessage(reason="お電話で同意")
        await cancelled_while(case, fault, case.act(consent, action=Action.RELEASE_SHARING))
        await undone_once(case, before)


async def test_y27_a_relink_that_is_in_hand_is_taken_back_after_it(environment: Environment) -> None:
    before, fault = await snapshot(environment), Fault(late=True)
    async with attended(environment, {"make link": fault}):
        case = await set_up_begun(environment)
        await cancelled_while(case, fault, case.relink(*BANK_C, day_in_japan(await case.now())))
        await undone_once(case, before)


async def cancelled_while(case: Case, fault: Fault, action: Awaitable[None]) -> None:
    """The case is cancelled while the action is in hand; then the system answers it."""
    in_hand = asyncio.ensure_future(action)
    await fault.reached.wait()
    await cancel(case)
    fault.go.set()
    await in_hand


async def ask_by_update(case: Case) -> None:
    await case.application.execute_update(MultiOfficeApplication.cancel, CANCEL)


async def test_y27_a_cancellation_before_the_offices_have_begun_is_not_lost(
    environment: Environment,
) -> None:
    before = await snapshot(environment)
    case = await submitted(environment, form([OFFICE_B, OFFICE_C], delegate=True))
    asked: asyncio.Task[None] = asyncio.create_task(ask_by_update(case))
    async with attended(environment):
        await asked
        outcomes = [office.outcome for office in (await case.application.result()).offices]
    assert outcomes == [Outcome.CANCELLED, Outcome.CANCELLED]
    assert await snapshot(environment) == before


AT_ONCE = [each for each in Action if issubclass(each.message, EndCase) and each is not Action.ASK_CANCEL]
"""What ends one office alone."""
WISH = "お電話でのご希望"
ENDING = "すでに終了したか、終了の処理中です。"


def reason_of(refusal: BaseException) -> str:
    return str(refusal.__cause__ or refusal)


@pytest.mark.parametrize("whole_first", [True, False], ids=["the whole first", "the office first"])
@pytest.mark.parametrize("action", AT_ONCE)
async def test_y27_an_application_cancelled_in_the_moment_in_which_one_office_is_ended_ends_each_office_once(
    environment: Environment, action: Action, *, whole_first: bool
) -> None:
    before = await snapshot(environment)
    async with attended(environment):
        case = await submitted(environment, form([OFFICE_C, (NOBODY, OFFICE_B[1])]))
        for number, stage in ((1, Stage.SHARING), (2, Stage.CORRECTION)):
            await case.started(number)
            await at_rest(case, stage, number)
        sent = [ask_by_update(case), case.act(EndCase(reason=WISH), 1, action=action)]
        came = await asyncio.gather(*(sent if whole_first else sent[::-1]), return_exceptions=True)
        outcomes = [office.outcome for office in (await case.application.result()).offices]
    refused = [each for each in came if each is not None]
    assert [why for why in map(reason_of, refused) if ENDING not in why] == []
    by_desk = [row for row in await case.audit() if (row.part, row.reason) == (1, WISH)]
    assert len(by_desk) + len(refused) == 1
    alone = {Action.REJECT: Outcome.REJECTED, Action.WITHDRAW: Outcome.WITHDRAWN}.get(action, Outcome.CANCELLED)
    assert outcomes == [Outcome.CANCELLED if refused else alone, Outcome.CANCELLED]
    assert await snapshot(environment) == before
    recorded = Counter((row.part, row.action) for row in await case.audit())
    assert {each for each, times in recorded.items() if times > 1} == set()
    ends = {MailKind[each.name].subject for each in outcomes}
    mails = [text_of(mail) for mail in environment.inbox.to(TARO) if mail["Subject"] in ends]
    for named in (OFFICE_C[0], NOBODY):
        assert len([mail for mail in mails if named in mail]) == 1


@pytest.mark.parametrize("answer", [Action.ASK_CANCEL, Action.APPROVE, Action.DECLINE])
async def test_y27_an_application_cancelled_in_the_moment_of_a_request_or_its_answer_needs_two_people_all_the_same(
    environment: Environment, answer: Action
) -> None:
    before = await snapshot(environment)
    async with attended(environment):
        case = await set_up_begun(environment)
        if answer is Action.ASK_CANCEL:
            sent, who = {"reason": WISH}, SATO
        else:
            await case.act(AskCancel(reason=WISH))
            sent, who = filled_in((await shown_actions(case))[answer], APPROVED), TANAKA
        with acting_as(who):
            answered = asyncio.create_task(case.office().execute_update(answer, sent))
        came = await asyncio.gather(ask_by_update(case), answered, return_exceptions=True)
        assert [why for why in map(reason_of, filter(None, came)) if ASKED_ALREADY not in why] == []
        if answer is not Action.APPROVE:
            await case.settled()
            assert (await case.progress()).outcome is None
            if not (await case.progress()).awaits_approval:  # declined after the cancellation had come
                await case.act(AskCancel(reason=CANCEL.reason))
            await approve(case)
        await case.office().result()
        await case.application.result()
    assert await snapshot(environment) == before
    approvals = [row.by for row in await case.audit() if row.action == Action.APPROVE.label]
    assert approvals == [str(TANAKA)]
    assert len([mail for mail in environment.inbox.to(TARO) if mail["Subject"] == MailKind.CANCELLED.subject]) == 1


async def test_an_activity_that_keeps_failing_is_shown_to_operators_until_it_works(environment: Environment) -> None:
    fault = Fault(fails=True)
    async with attended(environment, {"issue": fault}):
        case = await submitted(environment, form([OFFICE_B]))
        await fault.tried(FAILS_AT_ATTEMPT - 1)
        await case.started()
        shown = await shows(case, failing=True)
        assert fault.tries >= FAILS_AT_ATTEMPT
        assert shown == WaitingFor.OPERATOR
        details = str(await case.office().query("__temporal_workflow_metadata"))
        assert "処理の失敗が続いています。「Pending Activities」のエラーを技術担当者に伝えてください。" in details
        # What works meanwhile takes nothing back.
        await case.act(ActionMessage(reason="技術担当者に伝えた"), action=Action.ADD_NOTE)
        assert await shows(case, failing=True) == WaitingFor.OPERATOR
        fault.fails = False
        await at_rest(case, Stage.SET_UP)
        assert await shows(case, failing=False) == WaitingFor.APPLICANT
        assert "処理の失敗が続いています" not in str(await case.office().query("__temporal_workflow_metadata"))


async def shows(case: Case, *, failing: bool) -> str | None:
    """Wait until the operators' list says whether the case is failing; return for whom it waits."""
    while True:
        attributes = (await case.office().describe()).typed_search_attributes
        if attributes.get(FAILING, False) is failing:
            return attributes.get(WAITING_FOR)
        await asyncio.sleep(0.02)
