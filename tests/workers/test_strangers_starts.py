"""Whoever starts a workflow at Temporal's port without our keys: it ends at once, and nobody's case is lost by it."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select
from temporalio.api.common.v1 import Payload
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError, WorkflowHandle
from temporalio.common import RawValue
from temporalio.converter import WorkflowSerializationContext
from temporalio.exceptions import ApplicationError

from activities.backoffice.broken_cases import BrokenCases
from activities.backoffice.history_checks import HistoryChecks
from models.backoffice.reconciliation import FindingKind
from models.common.calendar import utc_now
from models.common.encryption import OPENED_WITH
from models.tables import ApplicationRow, AuditRow, EnquiryRow, RefusedFormRow
from models.yayoi.identifiers import application_workflow_id, office_workflow_id
from models.yayoi.messages import OfficeRef, OfficeStep, StartedOffice
from models.yayoi.procedures import Stage
from models.yayoi.provider_forms.refused import refused_form_workflow_id
from models.yayoi.store.intake import Intake
from models.yayoi.store.starting import STRANGER_REPLACED
from tests.support.cases import DESK
from tests.support.encryption import CODEC_OF_TESTS, KEYS_OF_TESTS
from tests.support.ending import end
from tests.support.environment import OFFICE_B, OFFICE_C, TARO, Case, Environment, at_rest, form
from tests.support.listening import at_the_port
from tests.support.recorded_histories import start_inputs
from tests.support.web import until
from web.common.workflow_notifier import WorkflowNotifier
from web.yayoi.notifications import enquiry_notification
from web.yayoi.starter import ApplicationStarter, RefusedFormStarter
from workers.codec import ENCODING, KEY_ID, CaseCodec
from workers.start_guard import NOT_OURS
from workers.wiring.root import build_activities


async def strangers_inputs(owner: str, content: bytes) -> dict[str, Payload]:
    """What a stranger can send as the input of a workflow of this owner."""
    others = CaseCodec(KEYS_OF_TESTS, "default", "application/YS-999999")
    plain = Payload(metadata={"encoding": b"json/plain"}, data=content)
    [copied] = await others.encode([plain])
    marked = Payload(metadata={"encoding": b"json/plain", OPENED_WITH: owner.encode()}, data=content)
    forged = Payload(metadata={"encoding": ENCODING, KEY_ID: owner.encode(), OPENED_WITH: owner.encode()}, data=content)
    return {
        "in clear": plain,
        "as if it had been decrypted": marked,
        "encrypted by nobody's key": forged,
        "another case's": copied,
        "an unknown encoding": Payload(metadata={"encoding": b"binary/odd"}, data=b"x"),
        "nothing": Payload(),
    }


async def failed_as_not_ours(handle: WorkflowHandle[Any, Any]) -> None:
    with pytest.raises(WorkflowFailureError) as failed:
        await handle.result()
    assert isinstance(failed.value.cause, ApplicationError)
    assert failed.value.cause.type == NOT_OURS


async def test_what_was_not_started_with_its_own_cases_key_ends_at_its_first_task(environment: Environment) -> None:
    """None is tried again and again, as what a broken build stops would be."""
    raw, queue = at_the_port(environment.client), environment.settings.temporal_task_queue
    for workflow_type, kind in (("OfficeDataProcedure", "application"), ("RepresentativeRegistration", "myics")):
        content = json.dumps(start_inputs()[workflow_type]).encode()
        owner = f"{kind}/{uuid4()}"
        inputs = {name: [RawValue(payload)] for name, payload in (await strangers_inputs(owner, content)).items()}
        for name, arguments in (inputs | {"no input at all": []}).items():
            handle = await raw.start_workflow(workflow_type, args=arguments, id=owner, task_queue=queue)
            await failed_as_not_ours(handle)
            assert len((await handle.fetch_history()).events) == 5, name
        # What belongs to no case may have no input; this one needs some.
        await failed_as_not_ours(await raw.start_workflow(workflow_type, id=f"any-{uuid4()}", task_queue=queue))
    assert await BrokenCases(environment.sessions, environment.client, queue).find() == []


async def test_what_was_encrypted_with_the_case_s_own_key_for_something_else_starts_nothing(
    environment: Environment,
) -> None:
    """Whoever is at the port can copy what lies in the history of a case without reading it."""
    case = await environment.apply(form([OFFICE_B, OFFICE_C]))
    await at_rest(case, Stage.SHARING, 2)
    raw, queue = at_the_port(environment.client), environment.settings.temporal_task_queue
    begun = {}
    for handle in (case.application, case.office(2)):
        history = raw.get_workflow_handle(handle.id)
        first = await anext(history.fetch_history_events())
        [begun[handle.id]] = first.workflow_execution_started_event_attributes.input.payloads
    stray = f"{case.application.id}/office/9"
    of_its_own = CODEC_OF_TESTS.with_context(WorkflowSerializationContext("default", stray))
    [said_to_it] = await of_its_own.encode([Payload(metadata={"encoding": b"json/plain"}, data=b'{"salt": "5"}')])
    for copied in (*begun.values(), said_to_it):
        for workflow_type in ("OfficeDataProcedure", "MultiOfficeApplication"):
            handle = await raw.start_workflow(workflow_type, RawValue(copied), id=stray, task_queue=queue)
            await failed_as_not_ours(handle)
    assert (await case.office(2).describe()).status is WorkflowExecutionStatus.RUNNING
    await end(case.application, case.office(1), case.office(2))


async def test_what_is_of_a_type_that_nobody_knows_ends_at_once(environment: Environment) -> None:
    raw, queue = at_the_port(environment.client), environment.settings.temporal_task_queue
    for arguments in ([], ["garbage"]):
        handle = await raw.start_workflow("OfNobody", args=arguments, id=f"any/{uuid4()}", task_queue=queue)
        await failed_as_not_ours(handle)


@pytest.mark.parametrize("known", [True, False], ids=["on our task queue", "on another one"])
async def test_an_application_whose_ids_somebody_else_has_started_first_is_started_all_the_same(
    environment: Environment, *, known: bool
) -> None:
    """Applications are numbered: whoever is at the port can be quicker than we are. An operator hears of it."""
    raw, own = at_the_port(environment.client), environment.settings.temporal_task_queue
    queue = own if known else f"another-{uuid4()}"
    receipt = await Intake(environment.sessions, environment.calendar).receive(form([OFFICE_B]), by_holder=True)
    number = receipt.application_no
    whole, office = application_workflow_id(number), office_workflow_id(number, 1)
    strangers = [
        await raw.start_workflow("MultiOfficeApplication", {"made": "up"}, id=whole, task_queue=queue),
        await raw.start_workflow("OfficeDataProcedure", "garbage", id=office, task_queue=queue),
    ]
    if known:  # they end by themselves
        for each in strangers:
            await failed_as_not_ours(each)
    starter = ApplicationStarter(environment.sessions, environment.client, task_queue=own)
    await starter.start(number)
    case = Case(environment, number, receipt.due_date)

    async def office_runs() -> bool:
        described = await case.office().describe()
        return described.status is WorkflowExecutionStatus.RUNNING and described.task_queue == own

    await until(office_runs)
    await at_rest(case, Stage.SET_UP)
    for each in strangers:
        ended = await raw.get_workflow_handle(each.id, run_id=each.result_run_id).describe()
        assert ended.status is (WorkflowExecutionStatus.FAILED if known else WorkflowExecutionStatus.TERMINATED)
    [row] = await environment.rows(select(ApplicationRow))
    assert row.started_at is not None
    await starter.start(number)  # another process that has not seen it yet
    entries = await environment.rows(select(AuditRow).filter_by(action=STRANGER_REPLACED).order_by(AuditRow.part))
    assert [(each.case_no, each.part, each.by) for each in entries] == [
        (number, part, "system") for part in ((0,) if known else (0, 1))
    ]
    findings = await HistoryChecks(environment.sessions, environment.client, own).find()
    named = [each for each in findings if each.kind is FindingKind.NO_ROW]
    assert [each.procedure for each in named] == ([whole] if known else [whole, office])
    assert all(STRANGER_REPLACED in each.detail for each in named)
    await end(case.application, case.office())


async def test_of_an_office_a_stranger_is_ended_once_and_what_we_have_started_goes_on(environment: Environment) -> None:
    case = await environment.apply(form([OFFICE_B, OFFICE_C]))
    await at_rest(case, Stage.SET_UP, 1)
    await at_rest(case, Stage.SHARING, 2)
    await case.office(2).terminate()
    raw = at_the_port(environment.client)
    stranger = await raw.start_workflow(
        "OfficeDataProcedure", "garbage", id=case.office(2).id, task_queue=f"another-{uuid4()}"
    )
    activities = build_activities(environment.settings, environment.sessions, environment.client)
    [look] = [each for each in activities if each.__name__ == "end_strangers_office"]

    async def looked_at(part: int) -> StartedOffice:
        step = OfficeStep.of(OfficeRef(case_no=case.application_no, part=part), utc_now())
        found = await look(step)
        assert isinstance(found, StartedOffice)
        return found

    assert (await looked_at(1)).ours
    assert {each.ours for each in await asyncio.gather(*(looked_at(2) for _ in range(3)))} == {False}
    assert not (await looked_at(2)).ours
    assert (await stranger.describe()).status is WorkflowExecutionStatus.TERMINATED
    assert (await case.office(1).describe()).status is WorkflowExecutionStatus.RUNNING
    [entry] = await environment.rows(select(AuditRow).filter_by(action=STRANGER_REPLACED))
    assert (entry.case_no, entry.part) == (case.application_no, 2)
    await end(case.application, case.office(1))


async def enquiry(environment: Environment) -> tuple[str, Callable[[], Awaitable[None]]]:
    """An enquiry whose workflow is not started yet, and how it is."""
    receipt_no = f"Q-{uuid4().hex[:6]}"
    said = {"contract_id": "8871304", "name": "弥生 太郎", "mail_address": TARO, "text": "手順を教えてください。"}
    times = {"received_at": utc_now(), "changed_at": utc_now()}
    async with environment.sessions.begin() as session:
        session.add(EnquiryRow(receipt_no=receipt_no, submission_id=uuid4(), **said, **times))
    notifier = WorkflowNotifier(
        environment.sessions,
        environment.client,
        EnquiryRow,
        enquiry_notification,
        task_queue=environment.settings.temporal_task_queue,
    )
    return f"enquiry/{receipt_no}", notifier.notify_all


async def refused_form(environment: Environment) -> tuple[str, Callable[[], Awaitable[None]]]:
    """A form that was refused and kept, of which the desk is not notified yet."""
    form_no = uuid4().int % 10**9 + 10**9
    async with environment.sessions.begin() as session:
        session.add(RefusedFormRow(form_no=form_no, webhook_id="evt_1", body="{}", errors={}))
    starter = RefusedFormStarter(
        environment.sessions, environment.client, task_queue=environment.settings.temporal_task_queue
    )
    return refused_form_workflow_id(form_no), starter.start_all


@pytest.mark.parametrize("known", [True, False], ids=["on our task queue", "on another one"])
@pytest.mark.parametrize("stored", [enquiry, refused_form])
async def test_what_a_row_starts_is_started_though_somebody_else_had_taken_its_id(
    environment: Environment,
    stored: Callable[[Environment], Awaitable[tuple[str, Callable[[], Awaitable[None]]]]],
    *,
    known: bool,
) -> None:
    raw, own = at_the_port(environment.client), environment.settings.temporal_task_queue
    workflow_id, start = await stored(environment)
    queue = own if known else f"another-{uuid4()}"
    stranger = await raw.start_workflow("EnquiryForwarding", "garbage", id=workflow_id, task_queue=queue)
    if known:
        await failed_as_not_ours(stranger)
    await start()

    async def forwarded() -> bool:
        return bool(environment.inbox.to(DESK))

    await until(forwarded)
    run = (await environment.client.get_workflow_handle(workflow_id).describe()).run_id
    assert run != stranger.result_run_id
    await start()  # there is nothing left to start
    assert (await environment.client.get_workflow_handle(workflow_id).describe()).run_id == run
