"""Every way through MYICS' procedures, as people walk it. Histories of each are kept and replayed."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from temporalio.client import WorkflowHandle

from models.common.messages import ACTIVITY_FAILING
from models.common.refusals import RefusedError
from models.common.waiting_for import WaitingFor
from models.myics.batches import BatchKind
from models.myics.deadlines import WRONG_KEYWORDS
from models.myics.forms import ClientForm, CorrectionForm
from models.myics.identifiers import ClientSuffix, RegistrationNo, registration_workflow_id
from models.myics.registrations import RegistrationKind
from models.myics.store.registrants import LinkRefusedError, read_account
from models.tables import MyicsRegistrationRow
from tests.support.bounced import come_back
from tests.support.myics_cases import client_without_its_users, held_up, shown, start_nothing_more
from tests.support.myics_environment import KEYWORD, OWNER, PASSWORD, MyicsEnvironment, Registered, user

Path = Callable[[MyicsEnvironment], Awaitable[WorkflowHandle[Any, Any]]]
JIRO = "jiro@aoba-kaikei.example.jp"


async def representative_registered(myics: MyicsEnvironment) -> WorkflowHandle[Any, Any]:
    registration = await myics.invite()
    await myics.register_representative(registration)
    return registration.handle


async def representative_locked_and_unlocked(myics: MyicsEnvironment) -> WorkflowHandle[Any, Any]:
    registration = await myics.invite()
    token = await registration.link()
    await myics.registrants.accept_terms(token, authority=True, terms=True)
    await myics.registrants.choose_account(token, read_account(OWNER, KEYWORD))
    await myics.notify()
    second = await registration.link(2)
    for _ in range(WRONG_KEYWORDS):
        try:
            await myics.registrants.confirm(second, "違う", PASSWORD)
        except (RefusedError, LinkRefusedError):
            continue
    await myics.notify()
    await registration.settled()
    await registration.act("unlock")
    await myics.registrants.confirm(second, KEYWORD, PASSWORD)
    await myics.notify()
    return registration.handle


async def representative_never_answers(myics: MyicsEnvironment) -> WorkflowHandle[Any, Any]:
    registration = await myics.invite()
    await registration.link()
    await registration.until_day((await registration.row()).expires_on + timedelta(days=1))
    return registration.handle


async def representative_corrected_extended_and_withdrawn(myics: MyicsEnvironment) -> WorkflowHandle[Any, Any]:
    registration = await myics.invite()
    await registration.link()
    await registration.act("correct_address", mail_address="new@aoba-kaikei.example.jp")
    await registration.act("resend")
    until = (await registration.row()).expires_on + timedelta(days=10)
    await registration.act("extend_deadline", until=str(until))
    await registration.act("hand_over", to="sm")
    await registration.act("add_note")
    await registration.act("withdraw")
    return registration.handle


async def representative_mistyped_and_corrected(myics: MyicsEnvironment) -> WorkflowHandle[Any, Any]:
    myics.environment.inbox.unknown.add(OWNER)
    registration = await myics.invite()
    await registration.waits_for(WaitingFor.OPERATOR)
    await registration.act("correct_address", mail_address=JIRO)
    await registration.handle.signal(ACTIVITY_FAILING)  # as the worker's interceptor does
    await registration.act("add_note")
    await registration.act("resend")
    await registration.act("withdraw")
    return registration.handle


async def representative_whose_invitation_comes_back(myics: MyicsEnvironment) -> WorkflowHandle[Any, Any]:
    registration = await myics.invite()
    await registration.link()
    await registration.settled()
    await come_back(myics.environment, registration.mails(OWNER)[-1])
    await registration.waits_for(WaitingFor.OPERATOR)
    await registration.act("correct_address", mail_address=JIRO)
    await registration.act("withdraw")
    return registration.handle


async def representative_corrects_the_address(myics: MyicsEnvironment) -> WorkflowHandle[Any, Any]:
    registration = await myics.invite()
    token = await registration.link()
    await myics.registrants.accept_terms(token, authority=True, terms=True)
    await myics.registrants.choose_account(token, read_account(JIRO, KEYWORD))
    await myics.notify()
    await registration.link(2)
    await registration.settled()
    await myics.registrants.correct_address(token, CorrectionForm(address=OWNER))
    await myics.notify()
    await myics.registrants.confirm(await registration.link(3), KEYWORD, PASSWORD)
    await registration.settled()
    await myics.notify()
    return registration.handle


async def user_registered(myics: MyicsEnvironment) -> WorkflowHandle[Any, Any]:
    registration = await myics.add(await myics.firm(), user(JIRO))
    await myics.register_user(registration)
    return registration.handle


async def user_never_answers(myics: MyicsEnvironment) -> WorkflowHandle[Any, Any]:
    registration = await myics.add(await myics.firm(), user(JIRO))
    await registration.link()
    await registration.until_day((await registration.row()).expires_on + timedelta(days=1))
    return registration.handle


async def client_with_a_user(myics: MyicsEnvironment) -> WorkflowHandle[Any, Any]:
    manager = await myics.firm()
    form = ClientForm(suffix=ClientSuffix("0012"), name="みなと商店", users=(user(JIRO),))
    number = await myics.clients.add(manager, form)
    await myics.notify()
    [row] = await myics.rows(select(MyicsRegistrationRow).where(MyicsRegistrationRow.part_of == number))
    await myics.register_user(Registered(myics, RegistrationNo(row.registration_no)))
    return Registered(myics, number).handle


async def client_withdrawn_before_its_users_are_started(myics: MyicsEnvironment) -> WorkflowHandle[Any, Any]:
    client, _ = await client_without_its_users(myics)
    await client.act("withdraw")
    return client.handle


async def password_renewed(myics: MyicsEnvironment) -> WorkflowHandle[Any, Any]:
    await myics.firm()
    await myics.forget_password(OWNER)
    [renewal] = await myics.requested(RegistrationKind.RENEWAL)
    await renewal.link()
    await renewal.act("resend")
    await myics.renewals.set_password(await renewal.link(2), "Aoba2027")
    await myics.notify()
    return renewal.handle


async def password_asked_for_twice(myics: MyicsEnvironment) -> WorkflowHandle[Any, Any]:
    await myics.firm()
    await myics.forget_password(OWNER)
    [first] = await myics.requested(RegistrationKind.RENEWAL)
    await first.link()
    await myics.forget_password(OWNER)
    return first.handle


async def password_never_renewed(myics: MyicsEnvironment) -> WorkflowHandle[Any, Any]:
    await myics.firm()
    await myics.forget_password(OWNER)
    [renewal] = await myics.requested(RegistrationKind.RENEWAL)
    await renewal.link()
    await renewal.until_day((await renewal.row()).expires_on + timedelta(days=1))
    return renewal.handle


async def batch_with_a_refused_row(myics: MyicsEnvironment) -> WorkflowHandle[Any, Any]:
    manager = await myics.firm()
    number = await myics.send_file(manager, BatchKind.CLIENTS, "顧問先ID下4桁,顧問先名称\n0012,みなと商店\n12,短い\n")
    return myics.environment.client.get_workflow_handle(registration_workflow_id(number))


async def batch_stopped_by_request_cancellation(myics: MyicsEnvironment) -> WorkflowHandle[Any, Any]:
    handle = await held_up(myics)
    await handle.cancel()
    await handle.execute_update("stop", {"reason": "お電話"})
    await shown(handle, lambda progress: progress.stopped)
    await handle.execute_update("resume", {"reason": "お電話"})
    await start_nothing_more(myics)
    return handle


async def invitation_corrected_by_the_firm(myics: MyicsEnvironment) -> WorkflowHandle[Any, Any]:
    manager = await myics.firm()
    registration = await myics.add(manager, user("wrong@aoba-kaikei.example.jp"))
    await registration.link()
    await registration.settled()
    await myics.correct_address(manager, "wrong@aoba-kaikei.example.jp", JIRO)
    token = await registration.link(2)
    await myics.registrants.set_password(token, PASSWORD)
    await myics.registrants.accept_terms(token, authority=True, terms=True)
    await registration.settled()
    await myics.notify()
    return registration.handle


async def address_changed(myics: MyicsEnvironment) -> WorkflowHandle[Any, Any]:
    await myics.correct_address(await myics.firm(), OWNER, JIRO)
    [change] = await myics.requested(RegistrationKind.ADDRESS)
    token = await change.link()
    await change.settled()
    await myics.address_changes.confirm(token, PASSWORD)
    await myics.notify()
    return change.handle


async def address_change_requested_twice(myics: MyicsEnvironment) -> WorkflowHandle[Any, Any]:
    manager = await myics.firm()
    await myics.correct_address(manager, OWNER, JIRO)
    [first] = await myics.requested(RegistrationKind.ADDRESS)
    await first.link()
    await first.settled()
    await myics.correct_address(manager, OWNER, "saburo@aoba-kaikei.example.jp")
    return first.handle


async def address_change_never_confirmed(myics: MyicsEnvironment) -> WorkflowHandle[Any, Any]:
    await myics.correct_address(await myics.firm(), OWNER, JIRO)
    [change] = await myics.requested(RegistrationKind.ADDRESS)
    await change.link()
    await change.until_day((await change.row()).expires_on + timedelta(days=1))
    return change.handle


MYICS_PATHS: tuple[Path, ...] = (
    representative_registered,
    representative_locked_and_unlocked,
    representative_never_answers,
    representative_corrected_extended_and_withdrawn,
    representative_mistyped_and_corrected,
    representative_whose_invitation_comes_back,
    representative_corrects_the_address,
    user_registered,
    user_never_answers,
    client_with_a_user,
    client_withdrawn_before_its_users_are_started,
    invitation_corrected_by_the_firm,
    address_changed,
    address_change_requested_twice,
    address_change_never_confirmed,
    password_renewed,
    password_asked_for_twice,
    password_never_renewed,
    batch_with_a_refused_row,
    batch_stopped_by_request_cancellation,
)
