"""*Reset* of open cases of each procedure: they go on, nothing happens twice, what is lost waits for an operator."""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.testing import WorkflowEnvironment

from activities.backoffice.history_checks import HistoryChecks
from models.backoffice.operation_permissions import OPERATION_PERMISSIONS
from models.backoffice.reconciliation import Finding, FindingKind
from models.common.calendar import day_in_japan, opening_of
from models.common.operator_actions import EndCase
from models.common.operator_message import ActionMessage
from models.common.waiting_for import WaitingFor
from models.myics.forms import ClientForm
from models.myics.identifiers import ClientSuffix, registration_workflow_id
from models.myics.registrations import RegistrationKind
from models.tables import (
    ApplicationOfficeRow,
    AuditRow,
    CaseStatusRow,
    GroupMemberRow,
    IssuedContractRow,
    LostOperationRow,
    NoticeRow,
    OfficeRow,
    RememberedLinkRow,
    SetUpStepRow,
    SharingRow,
)
from models.webhooks.messages import WebhookStage
from models.yayoi.address_checks import CheckOutcome
from models.yayoi.deadlines import AFTER_CLOSING_DAYS, FOLLOW_UP_DAYS
from models.yayoi.mails import MailKind
from models.yayoi.messages import Outcome
from models.yayoi.operator_actions import Action, Cancel, SetUpStepDone
from models.yayoi.procedures import SetUpStep, Stage
from tests.support.browser_user import HANAKO, NEW, BrowserUser, browser_user_on
from tests.support.cases import Handle, in_correction, in_set_up, in_sharing, pass_time
from tests.support.ending import end
from tests.support.environment import OFFICE_B, Case, Environment, at_rest, details_of, form
from tests.support.matrices import mostly_long
from tests.support.myics_cases import held_up, shown, waits_for_operator
from tests.support.myics_environment import OWNER, MyicsEnvironment, user
from tests.support.recorded_paths import AIR_C, BANK_C
from tests.support.resets import ResetTo, reset
from tests.support.settling import settled
from tests.support.smtp_inbox import SmtpInbox
from tests.support.web import until
from tests.support.webhook_messages import stored
from tests.support.webhook_receiver import receiving
from workflows.backoffice.daily_reconciliation import DailyReconciliation

NOTE = ActionMessage(reason="お電話")
JIRO = "jiro@aoba-kaikei.example.jp"
_WHAT_HAPPENED = (
    GroupMemberRow,
    IssuedContractRow,
    OfficeRow,
    RememberedLinkRow,
    SetUpStepRow,
    SharingRow,
    ApplicationOfficeRow,
)
EACH_WAY = mostly_long(ResetTo, each_time=[ResetTo.FIRST])


async def effects(environment: Environment) -> Any:
    """Return everything that must not happen twice: mails, audit entries, and the vendor's and the case's records."""
    mails = Counter((mail["To"], mail["Subject"], mail["Message-ID"]) for mail in environment.inbox.mails)
    audited = Counter(
        (row.case_no, row.part, row.action, row.by, row.reason) for row in await environment.rows(select(AuditRow))
    )
    notices = sorted(await environment.rows(select(NoticeRow.key)))
    async with environment.sessions() as session:
        records = {
            table.__tablename__: sorted(map(str, await session.execute(select(table.__table__))))
            for table in _WHAT_HAPPENED
        }
    return mails, audited, notices, records


async def where(environment: Environment, handle: Handle) -> tuple[Any, ...]:
    """Return where a case is, as pages and lists read it."""
    [row] = await environment.rows(select(CaseStatusRow).filter_by(workflow_id=handle.id))
    assert isinstance(row, CaseStatusRow)
    return row.stage, row.waiting_for, row.until, row.assignee, row.held, row.outcome, row.points


def checks(environment: Environment) -> HistoryChecks:
    queue = environment.settings.temporal_task_queue
    return HistoryChecks(environment.sessions, environment.client, queue, settled_for=timedelta())


async def lost_by(environment: Environment, handle: Handle) -> list[Finding]:
    """Return what the reconciliation finds of a case, once Temporal lists its new run."""
    found: list[Finding] = []

    async def listed() -> bool:
        found[:] = [each for each in await checks(environment).find() if each.procedure == handle.id]
        return any(each.kind is FindingKind.WAS_RESET for each in found)

    await until(listed)
    assert {each.kind for each in found} <= {FindingKind.WAS_RESET, FindingKind.LOST_OPERATION}
    return [each for each in found if each.kind is FindingKind.LOST_OPERATION]


async def goes_on_after(environment: Environment, handle: Handle, to: ResetTo) -> list[Finding]:
    """Reset a case that rests; it comes to where it was, and nothing has happened twice. Return what is lost."""
    await settled(environment.temporal, handle)
    before, stood = await effects(environment), await where(environment, handle)
    await reset(environment.client, handle, to)

    async def there() -> bool:
        with suppress(AssertionError):
            return await where(environment, handle) == stood
        return False

    await settled(environment.temporal, handle)
    await until(there)
    assert await effects(environment) == before
    return await lost_by(environment, handle)


# --- 弥生 -------------------------------------------------------------------------------------------------------------


async def sharing(environment: Environment) -> Case:
    case = await in_sharing(environment)
    await case.act(NOTE, action=Action.ADD_NOTE)
    return case


async def correction(environment: Environment) -> Case:
    case = await in_correction(environment)
    await case.act(NOTE, action=Action.HOLD)
    await case.act(NOTE, action=Action.RESUME)
    return case


async def confirmation(environment: Environment) -> Case:
    case = await environment.apply(form([(OFFICE_B[0], None)], linked=False), by_holder=False)
    await at_rest(case, Stage.CONFIRMATION)
    await case.act(NOTE, action=Action.ADD_NOTE)
    return case


async def set_up(environment: Environment) -> Case:
    case = await in_set_up(environment)
    await case.do_steps(SetUpStep.SUPPORT_PASSWORD, SetUpStep.BUSINESS_GROUP)
    await case.relink(*BANK_C, day_in_japan(await case.now()))
    return case


OFFICES = mostly_long([sharing, correction, confirmation, set_up], each_time=[set_up])


@pytest.mark.parametrize("to", EACH_WAY)
@pytest.mark.parametrize("stage", OFFICES)
async def test_an_office_goes_on_after_a_reset_and_nothing_happens_twice(
    environment: Environment, stage: Callable[[Environment], Awaitable[Case]], to: ResetTo
) -> None:
    case = await stage(environment)
    lost = await goes_on_after(environment, case.office(), to)
    done_later = 3 if stage is set_up and to is ResetTo.FIRST else 0
    assert [len(each.handed_over.operations) for each in lost if each.handed_over] == [done_later] * bool(done_later)
    if stage is set_up:
        # The customer's steps are not asked for again.
        await case.do_steps(*list(SetUpStep)[2:])
        await case.relink(*AIR_C, day_in_japan(await case.now()))
        assert (await case.application.result()).offices[0].outcome is Outcome.COMPLETED
    else:
        await case.act(Cancel(reason="二重のお申し込み"))
        await case.application.result()


@pytest.mark.long
async def test_what_a_reset_has_not_taken_again_waits_for_an_operator(environment: Environment) -> None:
    case = await set_up(environment)
    [finding] = await goes_on_after(environment, case.office(), ResetTo.FIRST)
    assert finding.handed_over
    assert "STEP5 サポート・サービスのパスワード設定を記録した" in finding.detail
    assert "担当者 sk" in finding.detail
    for _ in range(2):  # it may be done again
        await checks(environment).hand_over(finding.handed_over)
        await case.settled()
    assert (await case.progress()).waiting_for is WaitingFor.OPERATOR
    assert "次の操作がやり直されていません" in await details_of(case.office())
    assert await lost_by(environment, case.office()) == []
    assert len(await environment.rows(select(LostOperationRow))) == 3
    # Who does it again changes nothing, and is not refused.
    await case.act(NOTE, action=Action.ADD_NOTE)
    assert (await case.progress()).waiting_for is WaitingFor.APPLICANT
    assert "次の操作がやり直されていません" not in await details_of(case.office())
    await end(case.application, case.office())


async def test_an_extended_deadline_outlives_a_reset(environment: Environment) -> None:
    case = await sharing(environment)
    expires = (await case.progress()).waits_until
    assert expires
    later = expires + timedelta(days=7)
    await case.office().execute_update(Action.EXTEND_DEADLINE, {"reason": "お電話", "until": str(later)})
    await goes_on_after(environment, case.office(), ResetTo.FIRST)
    assert (await case.progress()).waits_until == later
    await end(case.application, case.office())


@pytest.mark.long
async def test_a_cancellation_that_was_refused_is_not_carried_out_after_a_reset(environment: Environment) -> None:
    """After STEP5 a supervisor is asked; the Reset sends the request of the whole application again."""
    case = await set_up(environment)
    await case.application.execute_update(Action.CANCEL, Cancel(reason="お電話"))
    await case.settled()
    await reset(environment.client, case.office())
    await settled(environment.temporal, case.office())
    assert (await case.progress()).stage is Stage.SET_UP
    assert [row.revoked_at for row in await case.issued()] == [None]
    await end(case.application, case.office())


@pytest.mark.long
async def test_y25_a_closed_office_stays_closed_after_a_reset(environment: Environment) -> None:
    case = await in_set_up(environment)
    await case.until(await case.now() + timedelta(days=FOLLOW_UP_DAYS + 1))
    await case.application.result()
    before = await effects(environment)
    await reset(environment.client, case.office())
    await at_rest_after_closing(case)
    assert await effects(environment) == before
    await case.do_step(SetUpStep.SUPPORT_PASSWORD)
    await end(case.office())


ENDS: Sequence[tuple[Action, Outcome]] = (
    (Action.WITHDRAW, Outcome.WITHDRAWN),
    (Action.CANCEL, Outcome.CANCELLED),
)


@pytest.mark.parametrize(("action", "outcome"), mostly_long(ENDS, each_time=[ENDS[0]]))
async def test_y27_an_office_that_has_ended_early_ends_so_again_after_a_reset_and_nothing_is_done_for_it(
    environment: Environment, action: Action, outcome: Outcome
) -> None:
    """Of what was asked for nothing comes again: the server may have lost it, as an older copy of it has."""
    case = await in_sharing(environment)
    await case.act(EndCase(reason="お電話", text_for_customer="お申し出のとおりです。"), action=action)
    await case.application.result()
    before, stood = await effects(environment), await where(environment, case.office())
    assert (stood[0], stood[5], stood[6]) == (Stage.CLOSED, outcome, ["お申し出のとおりです。"])
    await reset(environment.client, case.office(), without_updates=True)
    assert (await case.office().result()).outcome is outcome
    assert await effects(environment) == before
    assert await where(environment, case.office()) == stood


@pytest.mark.long
async def test_y27_an_office_that_was_terminated_and_undone_stays_so_after_a_reset(environment: Environment) -> None:
    case = await in_sharing(environment)
    await case.office().terminate()
    await case.application.result()
    await environment.client.execute_workflow(
        DailyReconciliation.run, id=f"r-{uuid4()}", task_queue=environment.settings.temporal_task_queue
    )
    before = await effects(environment)
    await reset(environment.client, case.office())
    assert (await case.office().result()).outcome is Outcome.TERMINATED
    assert await effects(environment) == before


@pytest.mark.long
async def test_y25_an_office_that_has_ended_with_something_open_does_not_open_again_after_a_reset(
    environment: Environment,
) -> None:
    case = await in_set_up(environment)
    for days in (FOLLOW_UP_DAYS, AFTER_CLOSING_DAYS):
        await case.until(await case.now() + timedelta(days=days + 1))
    assert (await case.office().result()).outcome is Outcome.INCOMPLETE
    before, stood = await effects(environment), await where(environment, case.office())
    await reset(environment.client, case.office())
    assert (await case.office().result()).outcome is Outcome.INCOMPLETE
    assert await effects(environment) == before
    assert await where(environment, case.office()) == stood


@pytest.mark.long
async def test_y25_a_case_closes_on_the_day_that_was_said_also_after_a_reset(environment: Environment) -> None:
    case = await in_set_up(environment)
    closes_on = (await case.progress()).waits_until
    await case.until(await case.now() + timedelta(days=FOLLOW_UP_DAYS // 2))
    await reset(environment.client, case.office())
    await at_rest(case, Stage.SET_UP)
    assert (await case.progress()).waits_until == closes_on
    await end(case.application, case.office())


async def at_rest_after_closing(case: Case) -> None:
    async def there() -> bool:
        progress = await case.progress()
        return progress.stage is Stage.AFTER_CLOSING and progress.outcome is not None

    await until(there)
    await settled(case.environment.temporal, case.office())


@pytest.mark.long
@pytest.mark.parametrize("to", EACH_WAY)
async def test_an_application_goes_on_after_a_reset_and_so_do_its_offices(
    environment: Environment, to: ResetTo
) -> None:
    """Reset to before it had started them, it finds them running, and follows them by their rows."""
    case = await set_up(environment)
    assert await goes_on_after(environment, case.application, to) == []
    await case.do_steps(*list(SetUpStep)[2:])
    await case.relink(*AIR_C, day_in_japan(await case.now()))
    await case.office().result()
    if to is ResetTo.FIRST:
        await pass_time(environment, case.application, opening_of(day_in_japan(await case.now()) + timedelta(days=1)))
    assert [each.outcome for each in (await case.application.result()).offices] == [Outcome.COMPLETED]
    assert len(await case.notices(MailKind.FINISHED)) == 1


async def test_a_step_that_is_recorded_again_after_a_reset_stays_as_it_was(environment: Environment) -> None:
    case = await in_set_up(environment)
    await case.do_step(SetUpStep.SUPPORT_PASSWORD)
    again = SetUpStepDone(reason="お電話", step=SetUpStep.BUSINESS_GROUP)
    await case.office().execute_update(Action.REPORT_SET_UP_STEP, again)
    rows = await environment.rows(select(SetUpStepRow.done_at).order_by(SetUpStepRow.done_at))
    await reset(environment.client, case.office())
    await at_rest(case, Stage.SET_UP)
    assert await environment.rows(select(SetUpStepRow.done_at).order_by(SetUpStepRow.done_at)) == rows
    await end(case.application, case.office())


@pytest.mark.parametrize("to", EACH_WAY)
async def test_a_delivery_goes_on_after_a_reset(environment: Environment, to: ResetTo) -> None:
    async with receiving() as receiver:
        receiver.answers = [500] * 20
        message = await stored(environment, receiver.url)
        await message.start()
        await message.die()
        await message.shown(WebhookStage.DEAD, WaitingFor.OPERATOR)
        await reset(environment.client, message.handle, to)
        await message.until(WebhookStage.DEAD)
        receiver.answers = []
        await message.shown(WebhookStage.DEAD, WaitingFor.OPERATOR)
        await message.handle.execute_update("resend", {"reason": "直したため"})
        assert (await message.handle.result())["stage"] == WebhookStage.DELIVERED


# --- codes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("to", EACH_WAY)
@pytest.mark.parametrize("path", ["/register", "/password"])
async def test_a_mailed_code_is_good_after_a_reset_and_not_mailed_twice(
    sessions: async_sessionmaker[AsyncSession],
    temporal: WorkflowEnvironment,
    smtp_inbox: SmtpInbox,
    path: str,
    to: ResetTo,
) -> None:
    async with browser_user_on(sessions, temporal, smtp_inbox) as browser_user:
        place, address, more = await begun(browser_user, path)
        code = await browser_user.code(1, address)
        procedure = browser_user.procedure(place)
        await settled(temporal, procedure)
        await reset(browser_user.environment.client, procedure, to)
        await settled(temporal, procedure)
        assert len(browser_user.environment.inbox.to(address)) == 1
        await browser_user.enter(place, code, **more)
        assert await procedure.result() is CheckOutcome.FINISHED


async def begun(browser_user: BrowserUser, path: str) -> tuple[str, str, dict[str, str]]:
    if path == "/register":
        return await browser_user.begun(), HANAKO, {}
    return await browser_user.begun(path, {"yayoi_id": OFFICE_B[0]}), OFFICE_B[0], dict(NEW)


# --- MYICS ------------------------------------------------------------------------------------------------------------


async def representative(myics: MyicsEnvironment) -> Handle:
    """The second link was asked for once more."""
    registration = await myics.invite()
    await myics.choose_account(registration)
    await registration.link(2)
    await registration.settled()
    await registration.act("resend")
    await registration.act("add_note")
    return registration.handle


async def invited_user(myics: MyicsEnvironment) -> Handle:
    registration = await myics.add(await myics.firm(), user(JIRO))
    await registration.link()
    await registration.settled()
    await registration.act("correct_address", mail_address="saburo@aoba-kaikei.example.jp")
    return registration.handle


async def client(myics: MyicsEnvironment) -> Handle:
    form = ClientForm(suffix=ClientSuffix("0012"), name="みなと商店", users=(user(JIRO),))
    number = await myics.clients.add(await myics.firm(), form)
    await myics.notify()
    handle = myics.environment.client.get_workflow_handle(registration_workflow_id(number))
    await settled(myics.environment.temporal, handle)
    await handle.execute_update("add_note", {"reason": "お電話"})

    async def user_is_invited() -> bool:  # by a procedure of its own
        return any(mail["To"] == JIRO for mail in myics.environment.inbox.mails)

    await until(user_is_invited)
    return handle


async def renewal(myics: MyicsEnvironment) -> Handle:
    await myics.firm()
    await myics.forget_password(OWNER)
    [asked] = await myics.requested(RegistrationKind.RENEWAL)
    await asked.link()
    await asked.settled()
    await asked.act("resend")
    return asked.handle


async def address_change(myics: MyicsEnvironment) -> Handle:
    await myics.correct_address(await myics.firm(), OWNER, JIRO)
    [change] = await myics.requested(RegistrationKind.ADDRESS)
    await change.link()
    await change.settled()
    await change.act("add_note")
    return change.handle


async def batch(myics: MyicsEnvironment) -> Handle:
    handle = await held_up(myics)
    await handle.execute_update("stop", {"reason": "お電話"})
    await shown(handle, lambda progress: progress.stopped)
    return handle


REGISTRATIONS: Sequence[Callable[[MyicsEnvironment], Awaitable[Handle]]] = (
    representative,
    invited_user,
    client,
    renewal,
    address_change,
)


@pytest.mark.parametrize("to", EACH_WAY)
@pytest.mark.parametrize("path", mostly_long(REGISTRATIONS, each_time=[representative]))
async def test_a_registration_goes_on_after_a_reset_and_no_link_is_mailed_twice(
    myics: MyicsEnvironment, path: Callable[[MyicsEnvironment], Awaitable[Handle]], to: ResetTo
) -> None:
    handle = await path(myics)
    await myics.all_settled()
    for finding in await goes_on_after(myics.environment, handle, to):  # before it waits for a link, none is sent again
        assert to is ResetTo.FIRST
        assert finding.handed_over
        assert any(done in finding.detail for done in ("URL を送り直す", "メールアドレスを訂正した"))
        await checks(myics.environment).hand_over(finding.handed_over)
        await waits_for_operator(handle)
        assert "次の操作がやり直されていません" in await details_of(handle)
    await handle.execute_update("withdraw", {"reason": "お電話"})
    await handle.result()


@pytest.mark.long
@pytest.mark.parametrize("to", EACH_WAY)
async def test_a_file_goes_on_after_a_reset_as_stopped_as_it_was(myics: MyicsEnvironment, to: ResetTo) -> None:
    handle = await batch(myics)
    await reset(myics.environment.client, handle, to)
    await shown(handle, lambda progress: progress.stopped)
    assert await lost_by(myics.environment, handle) == []
    await end(handle)


def test_every_procedure_with_operations_is_tried() -> None:
    tried = {"OfficeDataProcedure", "MultiOfficeApplication", "WebhookDelivery", "YayoiIdRegistration"}
    tried |= {"PasswordSetting", "ClientBatch", "RepresentativeRegistration", "UserInvitation", "ClientRegistration"}
    assert tried | {"PasswordRenewal", "AddressChange"} == set(OPERATION_PERMISSIONS)
