"""M8: a registration goes on or ends whose mails are refused, whose activities fail, or that was reset."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
import pytest_asyncio
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType, ResetReapplyExcludeType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import WorkflowEnvironment

from models.common.calendar import day_in_japan
from models.common.identifiers import MailAddress
from models.common.messages import ACTIVITY_FAILING
from models.common.waiting_for import WaitingFor
from models.myics.accounts import AccountState
from models.myics.deadlines import INVITATION_DAYS
from models.myics.identifiers import HolderNo, RegistrationNo
from models.myics.mails import MyicsMail
from models.myics.registrations import (
    RegistrationCase,
    RegistrationKind,
    RegistrationOutcome,
    RegistrationStage,
)
from models.tables import MyicsRegistrationRow
from tests.support.environment import details_of
from tests.support.myics_cases import (
    MINATO,
    REFUSAL,
    client_without_its_users,
    refused_for_good,
    status_of,
    waits_for_operator,
)
from tests.support.myics_environment import FIRM, PASSWORD, MyicsEnvironment, Registered, myics_with_worker, user
from tests.support.running import PATIENCE
from tests.support.smtp_inbox import SmtpInbox
from workers.wiring.root import UNRESTRICTED
from workflows.common.search_attributes import FAILING, WAITING_FOR
from workflows.myics.registration import REGISTRATION_CHANGED, USER_ENDED, WITHDRAWN_WITH_CLIENT
from workflows.myics.registration_details import registration_static_details
from workflows.myics.registration_steps import RegistrationSteps

WRONG, RIGHT = MailAddress("ichiroo@aoba-kaikei.example.jp"), MailAddress("ichiro@aoba-kaikei.example.jp")
REFUSED = "メールを届けられませんでした"


async def mistyped(myics: MyicsEnvironment) -> Registered:
    """An invitation whose address the mail server does not know."""
    myics.environment.inbox.unknown.add(WRONG)
    registration = await myics.invite(address=WRONG)
    await registration.waits_for(WaitingFor.OPERATOR)
    return registration


# --- mails that are refused for good ----------------------------------------------------------------------------------


async def test_m8_a_mistyped_address_is_an_operators_who_corrects_it(myics: MyicsEnvironment) -> None:
    registration = await mistyped(myics)
    assert (await registration.progress()).assignee
    details = await details_of(registration.handle)
    assert REFUSED in details
    assert "メールを届けられなかった" in details
    assert "SMTP 550" in details
    assert WRONG not in details
    await registration.act("add_note")  # the customer was called; no mail has reached them yet
    assert (await registration.progress()).waiting_for is WaitingFor.OPERATOR
    await registration.act("correct_address", mail_address=RIGHT)
    await registration.link(2)
    await registration.settled()
    assert (await registration.progress()).waiting_for is WaitingFor.APPLICANT
    assert REFUSED not in await details_of(registration.handle)


async def test_m8_what_never_reached_anybody_can_be_withdrawn_and_the_firm_invited_anew(
    myics: MyicsEnvironment,
) -> None:
    registration = await mistyped(myics)
    await registration.act("withdraw")
    assert (await registration.handle.result()).outcome is RegistrationOutcome.WITHDRAWN
    await (await myics.invite(address=RIGHT)).link()


async def test_m8_what_never_reached_anybody_expires(myics: MyicsEnvironment) -> None:
    registration = await mistyped(myics)
    requested_on = day_in_japan((await registration.row()).requested_at)
    await registration.until_day(requested_on + timedelta(days=INVITATION_DAYS + 1))
    assert (await registration.handle.result()).outcome is RegistrationOutcome.EXPIRED


async def test_an_operators_dead_mailbox_stops_no_escalation(myics: MyicsEnvironment) -> None:
    registration = await mistyped(myics)
    first = (await registration.progress()).assignee
    operators = await myics.operators()
    myics.environment.inbox.unknown |= set(operators.values())
    today = day_in_japan(datetime.now(UTC))
    await registration.until_day(myics.environment.calendar.business_days_after(today, 4))
    timeline = [entry.text for entry in (await registration.progress()).timeline]
    # The reminder, the one to a supervisor, and the one to whoever has got it then.
    assert sum("担当者の登録内容も確認" in text for text in timeline) == 3
    assert (await registration.progress()).assignee in operators.keys() - {first}


# --- activities that keep failing -------------------------------------------------------------------------------------


@pytest.mark.long
async def test_that_one_activity_works_does_not_hide_that_another_one_fails(
    myics: MyicsEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("failures", "failing_interceptor"):
        monkeypatch.setattr(f"activities.common.{module}.FAILS_AT_ATTEMPT", 2)
    with pytest.MonkeyPatch.context() as away:
        away.setattr(myics.environment.inbox, "handle_RCPT", not_now)
        registration = await myics.invite()
        await waits_for_operator(registration.handle)
        await registration.handle.signal(ACTIVITY_FAILING)  # noted again after as many tries more
        await registration.act("add_note")
        shown = (await registration.handle.describe()).typed_search_attributes
        assert (shown.get(FAILING), shown.get(WAITING_FOR)) == (True, WaitingFor.OPERATOR)
        assert "処理の失敗が続いています" in await details_of(registration.handle)
    await registration.link()
    await registration.settled()
    shown = (await registration.handle.describe()).typed_search_attributes
    assert (bool(shown.get(FAILING)), shown.get(WAITING_FOR)) == (False, WaitingFor.APPLICANT)
    notes = [entry.text for entry in (await registration.progress()).timeline]
    assert sum("処理の失敗が続いている" in text for text in notes) == 1


async def not_now(*_arguments: object) -> str:
    return "451 4.3.2 try again later"


async def test_a_step_that_is_refused_for_good_waits_for_an_operator_who_has_it_tried_again(
    myics: MyicsEnvironment,
) -> None:
    with refused_for_good("activities.myics.registrations._held"):
        registration = await myics.invite()
        await registration.waits_for(WaitingFor.OPERATOR)
    assert (await registration.progress()).assignee
    assert REFUSAL in await details_of(registration.handle)
    assert (await status_of(myics, registration.number)).waiting_for == WaitingFor.OPERATOR
    with pytest.raises(WorkflowUpdateFailedError) as failed:
        await registration.act("unlock")
    assert "try_again" in str(failed.value.cause)
    await registration.act("try_again")
    await registration.link()
    await registration.settled()
    assert (await registration.progress()).waiting_for is WaitingFor.APPLICANT
    assert REFUSAL not in (await details_of(registration.handle)).partition("経過")[0]
    with pytest.raises(WorkflowUpdateFailedError) as failed:
        await registration.act("try_again")
    assert "受け付けられなかった処理はありません" in str(failed.value.cause)


async def test_a_closing_that_is_refused_for_good_is_tried_again_too(myics: MyicsEnvironment) -> None:
    registration = await myics.invite()
    await registration.link()
    await registration.settled()
    with refused_for_good("activities.myics.registrations._held"):
        await registration.act("withdraw")
        await waits_for_operator(registration.handle)
        await registration.settled()
    await registration.act("try_again")
    assert (await registration.handle.result()).outcome is RegistrationOutcome.WITHDRAWN
    assert (await status_of(myics, registration.number)).waiting_for == WaitingFor.SYSTEM


async def test_what_is_refused_for_good_can_be_withdrawn(myics: MyicsEnvironment) -> None:
    with refused_for_good("activities.myics.registrations._held"):
        registration = await myics.invite()
        await registration.waits_for(WaitingFor.OPERATOR)
    await registration.act("withdraw")
    assert (await registration.handle.result()).outcome is RegistrationOutcome.WITHDRAWN


@pytest_asyncio.fixture
async def passed_through(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment, smtp_inbox: SmtpInbox
) -> AsyncIterator[MyicsEnvironment]:
    """An environment whose workflows are imported once, as by a worker: a test can change what they are made of."""
    async with myics_with_worker(sessions, temporal, smtp_inbox, runner=UNRESTRICTED) as environment:
        yield environment


async def test_an_error_beside_the_story_is_seen_and_the_case_goes_on_when_it_is_corrected(
    passed_through: MyicsEnvironment,
) -> None:
    myics = passed_through
    tomorrow = myics.environment.calendar.business_days_after(day_in_japan(datetime.now(UTC)), 1)
    with pytest.MonkeyPatch.context() as wrong:
        wrong.setattr(RegistrationSteps, "remind_operator", not_written_yet)
        registration = await mistyped(myics)
        passing = asyncio.create_task(registration.until_day(tomorrow))
        async with asyncio.timeout(PATIENCE):
            while "not written yet" not in await failure_of_a_task(registration):  # noqa: ASYNC110 the server is asked
                await asyncio.sleep(0.05)
    await passing
    assert MyicsMail.OPERATOR_REMINDER in await registration.kinds()


async def not_written_yet(_steps: RegistrationSteps, on: date) -> None:  # noqa: ARG001 as it is called
    message = "not written yet"
    raise RuntimeError(message)


async def failure_of_a_task(registration: Registered) -> str:
    return "".join(
        [
            event.workflow_task_failed_event_attributes.failure.message
            async for event in registration.handle.fetch_history_events()
            if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
        ]
    )


# --- signals with made-up content -------------------------------------------------------------------------------------

MADE_UP = {"stage": "登録済み", "locked": True, "changed_at": "2099-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("signal", "content"),
    [
        (REGISTRATION_CHANGED, MADE_UP),
        (WITHDRAWN_WITH_CLIENT, "顧問先の取り下げ"),
        (ACTIVITY_FAILING, "send_myics_mail"),
    ],
)
async def test_a_made_up_signal_changes_nothing_that_the_row_does_not_say(
    myics: MyicsEnvironment, signal: str, content: object
) -> None:
    registration = await myics.invite()
    await registration.link()
    await registration.settled()
    before = await registration.progress()
    await registration.handle.signal(signal, content)
    await registration.settled()
    assert await registration.progress() == before
    await registration.act("add_note")
    await myics.register_representative(registration)  # what the row says is taken, though it is older
    assert (await registration.handle.result()).outcome is RegistrationOutcome.REGISTERED


async def test_m7_a_made_up_end_of_a_user_does_not_end_the_clients_registration(myics: MyicsEnvironment) -> None:
    client, first = await client_without_its_users(myics)
    await client.handle.signal(USER_ENDED, {"registration_no": first.number, "outcome": "登録済み"})
    await client.settled()
    progress = await client.progress()
    assert (progress.stage, progress.outcome) == (RegistrationStage.USERS, None)
    await myics.notify()
    await myics.register_user(first)
    assert (await client.handle.result()).outcome is RegistrationOutcome.REGISTERED


# --- clients, ends and resets -----------------------------------------------------------------------------------------


async def test_m7_a_withdrawn_clients_users_are_never_started(myics: MyicsEnvironment) -> None:
    client, first = await client_without_its_users(myics)
    await client.act("withdraw")
    assert (await client.handle.result()).outcome is RegistrationOutcome.WITHDRAWN
    await myics.notify()
    with pytest.raises(RPCError) as missing:
        await first.handle.describe()
    assert missing.value.status is RPCStatusCode.NOT_FOUND
    assert (await first.row()).outcome == RegistrationOutcome.WITHDRAWN
    assert (await myics.account(MINATO, HolderNo(f"{FIRM}0012"))).state == AccountState.WITHDRAWN
    assert first.mails(MINATO) == []
    status = await status_of(myics, first.number)
    assert (status.stage, status.outcome) == (RegistrationStage.CLOSED, RegistrationOutcome.WITHDRAWN)
    assert "登録の手続きを終了した（取り下げ）" in await first.audit()


async def test_m7_a_user_who_was_just_being_started_gets_no_link(myics: MyicsEnvironment) -> None:
    client, first = await client_without_its_users(myics)
    await client.act("withdraw")
    await client.handle.result()
    async with myics.environment.sessions.begin() as session:
        never = update(MyicsRegistrationRow).where(MyicsRegistrationRow.registration_no == first.number)
        await session.execute(never.values(notified_at=None))
    await myics.notify()
    assert (await first.handle.result()).outcome is RegistrationOutcome.WITHDRAWN
    assert await first.kinds() == ["myics_withdrawn"]


@pytest.mark.long
async def test_nothing_is_asked_for_while_the_end_is_being_recorded(myics: MyicsEnvironment) -> None:
    registration = await myics.add(await myics.firm(), user(MINATO))
    token = await registration.link()
    await registration.settled()
    await myics.registrants.set_password(token, PASSWORD)
    await myics.registrants.accept_terms(token, authority=True, terms=True)
    async with myics.environment.sessions.begin() as session:
        await session.get_one(MyicsRegistrationRow, registration.number, with_for_update=True)
        await registration.handle.signal(REGISTRATION_CHANGED)
        await registration.activity("close_registration")
        with pytest.raises(WorkflowUpdateFailedError) as late:
            await registration.act("resend")
    assert "終了の処理中" in str(late.value.cause)
    await registration.handle.result()
    assert (await registration.row()).link_no == 1


async def test_what_is_asked_for_after_a_reset_is_not_taken_for_what_was_done_before(myics: MyicsEnvironment) -> None:
    registration = await myics.invite()
    await registration.link()
    await registration.settled()
    before = await last_task(registration)
    await registration.act("correct_address", mail_address=WRONG)
    execution = WorkflowExecution(workflow_id=registration.handle.id)
    await myics.environment.client.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=myics.environment.client.namespace,
            workflow_execution=execution,
            reason="test",
            workflow_task_finish_event_id=before,
            request_id=str(uuid4()),
            reset_reapply_exclude_types=[ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_UPDATE],
        )
    )
    await registration.settled()
    await registration.act("correct_address", mail_address=RIGHT)
    assert (await registration.row()).address == RIGHT
    await registration.link(3)


async def last_task(registration: Registered) -> int:
    finished = [
        event.event_id
        async for event in registration.handle.fetch_history_events()
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
    ]
    return finished[-1]


def test_the_day_of_receipt_is_the_day_in_japan() -> None:
    case = RegistrationCase(
        case_no=RegistrationNo.from_count(1),
        kind=RegistrationKind.USER,
        customer_no=FIRM,
        holder_no=HolderNo(FIRM),
        requested_at=datetime(2026, 11, 3, 15, 30, tzinfo=UTC),
        expires_on=date(2026, 11, 18),
    )
    assert "2026-11-04" in registration_static_details(case, "青葉 次郎", "青葉 一郎")
