"""Whoever starts a workflow at Temporal's port without our keys: it ends at once, and nobody's case is lost by it."""

import json
from contextlib import suppress
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select
from temporalio.api.common.v1 import Payload
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowFailureError, WorkflowHandle
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from activities.backoffice.broken_cases import BrokenCases
from activities.backoffice.history_checks import HistoryChecks
from models.backoffice.reconciliation import FindingKind
from models.common.calendar import utc_now
from models.common.encryption import OPENED_WITH
from models.tables import ApplicationRow, AuditRow, EnquiryRow
from models.yayoi.identifiers import application_workflow_id, office_workflow_id
from models.yayoi.procedures import Stage
from models.yayoi.store.intake import Intake
from models.yayoi.store.starting import STRANGER_REPLACED
from tests.support.cases import DESK
from tests.support.encryption import KEYS_OF_TESTS
from tests.support.ending import end
from tests.support.environment import OFFICE_B, TARO, Case, Environment, at_rest, form
from tests.support.listening import at_the_port
from tests.support.recorded_histories import start_inputs
from tests.support.web import until
from web.common.workflow_notifier import WorkflowNotifier
from web.yayoi.notifications import enquiry_notification
from web.yayoi.starter import ApplicationStarter
from workers.codec import ENCODING, KEY_ID, CaseCodec
from workers.start_guard import NOT_OURS


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
        for name, payload in (await strangers_inputs(owner, content)).items():
            handle = await raw.start_workflow(workflow_type, RawValue(payload), id=owner, task_queue=queue)
            await failed_as_not_ours(handle)
            assert len((await handle.fetch_history()).events) == 5, name
    assert await BrokenCases(environment.sessions, environment.client, queue).find() == []


@pytest.mark.parametrize("known", [True, False], ids=["on our task queue", "on another one"])
async def test_an_application_whose_id_somebody_else_has_started_first_is_started_all_the_same(
    environment: Environment, *, known: bool
) -> None:
    """Applications are numbered: whoever is at the port can be quicker than we are. An operator hears of it."""
    raw, own = at_the_port(environment.client), environment.settings.temporal_task_queue
    queue = own if known else f"another-{uuid4()}"
    receipt = await Intake(environment.sessions, environment.calendar).receive(form([OFFICE_B]), by_holder=True)
    number = receipt.application_no
    strangers = [
        await raw.start_workflow(
            "MultiOfficeApplication", {"made": "up"}, id=application_workflow_id(number), task_queue=queue
        )
    ]
    if known:  # that of the office ends by itself before our own application starts it
        office = office_workflow_id(number, 1)
        strangers.append(await raw.start_workflow("OfficeDataProcedure", "garbage", id=office, task_queue=own))
        for each in strangers:
            await failed_as_not_ours(each)
    config = environment.client.config(active_config=True)
    client = Client(**config | {"interceptors": []}) if known else environment.client  # the latter has all decrypted
    starter = ApplicationStarter(environment.sessions, client, task_queue=own)
    if not known:  # it may be another customer's, after a restore: an engineer decides
        await starter.start(number)
        [waiting] = await environment.rows(select(ApplicationRow))
        assert waiting.started_at is None
        await strangers[0].terminate()
    await starter.start(number)
    case = Case(environment, number, receipt.due_date)

    async def office_runs() -> bool:
        with suppress(RPCError):
            return (await case.office().describe()).status is WorkflowExecutionStatus.RUNNING
        return False

    await until(office_runs)
    await at_rest(case, Stage.SET_UP)
    [row] = await environment.rows(select(ApplicationRow))
    assert row.started_at is not None
    await starter.start(number)  # another process that has not seen it yet
    entries = await environment.rows(select(AuditRow).filter_by(action=STRANGER_REPLACED))
    assert [(each.case_no, each.by) for each in entries] == [(number, "system")]
    findings = await HistoryChecks(environment.sessions, environment.client, own).find()
    named = [each for each in findings if each.kind is FindingKind.NO_ROW]
    assert [each.procedure for each in named] == [application_workflow_id(number)]
    assert STRANGER_REPLACED in named[0].detail
    await end(case.application, case.office())


async def test_what_a_row_starts_is_started_though_somebody_else_had_taken_its_id(environment: Environment) -> None:
    raw, own = at_the_port(environment.client), environment.settings.temporal_task_queue
    receipt_no = f"Q-{uuid4().hex[:6]}"
    said = {"contract_id": "8871304", "name": "弥生 太郎", "mail_address": TARO, "text": "手順を教えてください。"}
    times = {"received_at": utc_now(), "changed_at": utc_now()}
    row = EnquiryRow(receipt_no=receipt_no, submission_id=uuid4(), **said, **times)
    async with environment.sessions.begin() as session:
        session.add(row)
    await failed_as_not_ours(
        await raw.start_workflow("EnquiryForwarding", "garbage", id=f"enquiry/{receipt_no}", task_queue=own)
    )
    notifier = WorkflowNotifier(
        environment.sessions, environment.client, EnquiryRow, enquiry_notification, task_queue=own
    )
    await notifier.notify_all()

    async def forwarded() -> bool:
        return bool(environment.inbox.to(DESK))

    await until(forwarded)
    assert await environment.rows(select(EnquiryRow.receipt_no).where(EnquiryRow.notified_at.is_(None))) == []
