"""What anybody who reaches Temporal's port can do without a signature is named by the daily reconciliation."""

import asyncio
from collections.abc import Collection
from datetime import timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio import workflow
from temporalio.client import WorkflowUpdateStage
from temporalio.common import RawValue
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.backoffice.history_checks import BEGUN_AGAIN, HEADS_SIGNED_EVERY, HistoryChecks
from models.backoffice.reconciliation import Finding, FindingKind
from models.common.calendar import utc_now
from models.common.operator_message import ActionMessage
from models.common.signatures import SignatureRefusal
from models.common.signing_keys import KeyPurpose
from models.common.store.public_keys import revoke
from models.myics.batches import BATCH_WORKFLOW
from models.tables import CaseStatusRow, PublicKeyRow
from models.yayoi.messages import Outcome
from models.yayoi.operator_actions import Action, Cancel
from models.yayoi.procedures import Stage
from tests.support.ending import end
from tests.support.environment import OFFICE_C, Case, Environment, at_rest, form
from tests.support.listening import at_the_port
from tests.support.recorded_histories import start_inputs
from tests.support.resets import ResetTo, reset
from tests.support.sandbox import RESTRICTED
from tests.support.secret_key import SECRET_KEY
from tests.support.signing import KEYS, acting_as, publish_keys
from tests.support.webhook_messages import stored
from tests.support.webhook_receiver import receiving
from workers.settings import Settings
from workers.wiring.root import WORKFLOWS, build_activities


def checks(environment: Environment) -> HistoryChecks:
    return HistoryChecks(environment.sessions, environment.client, environment.settings.temporal_task_queue)


async def found(looking: HistoryChecks, expected: Collection[FindingKind]) -> list[Finding]:
    """Wait until Temporal lists what is open, and return what is found."""
    while True:
        findings = await looking.find()
        if {finding.kind for finding in findings} == set(expected):
            return findings
        await asyncio.sleep(0.1)


async def sharing(environment: Environment) -> Case:
    """An open case on which somebody has acted."""
    case = await environment.apply(form([OFFICE_C]))
    await at_rest(case, Stage.SHARING)
    await case.act(ActionMessage(reason="お電話"), action=Action.ADD_NOTE)
    query = f"TaskQueue = '{environment.settings.temporal_task_queue}'"
    while (await environment.client.count_workflows(query)).count < 2:  # noqa: ASYNC110 the server lists it later
        await asyncio.sleep(0.1)
    return case


async def test_nothing_is_said_of_what_our_own_programs_have_done(environment: Environment) -> None:
    case = await sharing(environment)
    assert await checks(environment).find() == []
    await end(case.application, case.office())


async def test_a_case_that_was_reset_is_named(environment: Environment) -> None:
    case = await sharing(environment)
    await reset(environment.client, case.office(), ResetTo.LAST)
    # What was signed before it went back is good after it, too.
    [finding] = await found(checks(environment), [FindingKind.WAS_RESET])
    assert (finding.procedure, finding.workflow_id, finding.about) == (case.office().id,) * 3
    await end(case.application, case.office())


async def test_what_a_revoked_key_has_signed_is_named(environment: Environment) -> None:
    case = await sharing(environment)
    async with environment.sessions.begin() as session:
        await revoke(session, KEYS[KeyPurpose.OPERATORS].public.key_id)
    [finding] = await found(checks(environment), [FindingKind.NOT_SIGNED])
    assert finding.procedure == case.office().id
    assert "「add_note」の操作" in finding.detail
    assert SignatureRefusal.REVOKED_KEY.reason in finding.detail
    # What the signed heads of an earlier night have is as good as it was.
    async with environment.sessions.begin() as session:
        later = utc_now() + HEADS_SIGNED_EVERY + timedelta(minutes=1)
        await session.execute(update(PublicKeyRow).values(revoked_at=later))
    assert await found(checks(environment), []) == []
    await end(case.application, case.office())


async def test_what_a_foreign_worker_has_accepted_unsigned_is_named_and_so_is_a_case_without_a_row(
    temporal: WorkflowEnvironment, sessions: async_sessionmaker[AsyncSession]
) -> None:
    await publish_keys(sessions)
    queue, name = f"test-{uuid4()}", "OfficeDataProcedure"
    nowhere = build_activities(Settings(secret_key=SECRET_KEY), async_sessionmaker(), temporal.client)
    async with Worker(
        temporal.client, task_queue=queue, workflows=WORKFLOWS, activities=nowhere, workflow_runner=RESTRICTED
    ):
        handle = await temporal.client.start_workflow(name, start_inputs()[name], id=queue, task_queue=queue)
        with acting_as(None):
            await handle.start_update(
                "add_note", {"reason": "お電話"}, wait_for_stage=WorkflowUpdateStage.ACCEPTED, id="unsigned"
            )
        looking = HistoryChecks(sessions, temporal.client, queue)
        findings = await found(looking, [FindingKind.NO_ROW, FindingKind.NOT_SIGNED])
        assert {finding.procedure for finding in findings} == {queue}
        assert any("（unsigned）" in finding.detail for finding in findings)
        await end(handle)


@workflow.defn(name=BATCH_WORKFLOW)
class ForeignBatch:
    """Takes whatever it is sent, and goes on as a new run."""

    def __init__(self) -> None:
        self.stopped = False

    @workflow.run
    async def run(self, again: bool) -> None:
        await workflow.wait_condition(lambda: self.stopped)
        await workflow.wait_condition(workflow.all_handlers_finished)
        if again:
            workflow.continue_as_new(args=[False])

    @workflow.update
    async def stop(self, _message: dict[str, Any]) -> None:
        self.stopped = True


async def test_what_an_earlier_run_has_accepted_unsigned_is_named(
    temporal: WorkflowEnvironment, sessions: async_sessionmaker[AsyncSession]
) -> None:
    await publish_keys(sessions)
    queue = f"test-{uuid4()}"
    async with Worker(
        temporal.client, task_queue=queue, workflows=[ForeignBatch], workflow_runner=UnsandboxedWorkflowRunner()
    ):
        handle = await temporal.client.start_workflow(BATCH_WORKFLOW, args=[True], id=queue, task_queue=queue)
        with acting_as(None):
            await handle.execute_update("stop", {"reason": "お電話"}, id="unsigned")
        while (await handle.describe()).run_id == handle.first_execution_run_id:  # noqa: ASYNC110 the server's
            await asyncio.sleep(0.1)
        findings = await found(
            HistoryChecks(sessions, temporal.client, queue), [FindingKind.NO_ROW, FindingKind.NOT_SIGNED]
        )
        assert [each.procedure for each in findings if "（unsigned）" in each.detail] == [queue]
        await end(handle)


async def test_what_was_terminated_and_is_no_case_of_an_application_is_named(environment: Environment) -> None:
    """A delivery to another system and a mailed code: nobody would miss them."""
    async with receiving() as receiver:
        receiver.answers = [500] * 20
        message = await stored(environment, receiver.url)
        await message.start()
        await message.failed(1)
        await message.handle.terminate()
    [finding] = await found(checks(environment), [FindingKind.TERMINATED])
    assert (finding.about, finding.workflow_id) == (message.handle.id, message.handle.id)
    assert "Terminate" in finding.detail


async def test_a_case_that_was_begun_again_after_its_end_is_named(environment: Environment) -> None:
    """Whoever reaches the port can copy what it was started with, which is encrypted for this very workflow."""
    case = await sharing(environment)
    raw = at_the_port(environment.client)
    first = await anext(raw.get_workflow_handle(case.office().id).fetch_history_events())
    [copied] = first.workflow_execution_started_event_attributes.input.payloads
    await case.act(Cancel(reason="二重のお申し込み"))
    await case.office().result()
    again = await raw.start_workflow(
        "OfficeDataProcedure",
        RawValue(copied),
        id=case.office().id,
        task_queue=environment.settings.temporal_task_queue,
    )
    queue = environment.settings.temporal_task_queue
    looking = HistoryChecks(environment.sessions, environment.client, queue, settled_for=timedelta(hours=1))
    findings = await found(looking, [FindingKind.WAS_RESET])
    assert [(each.procedure, each.detail) for each in findings] == [(again.id, BEGUN_AGAIN)]
    [row] = await environment.rows(select(CaseStatusRow).filter_by(case_no=case.application_no, part=1))
    assert row.outcome == Outcome.CANCELLED
    await end(again, case.application)


async def test_a_second_workflow_beside_the_one_that_leads_a_case_is_named_and_writes_nothing(
    environment: Environment,
) -> None:
    """Whoever reaches the port can start one with the number of somebody's case."""
    case = await sharing(environment)
    started = (await case.office().fetch_history()).events[0].workflow_execution_started_event_attributes
    [own] = await environment.client.data_converter.decode(list(started.input.payloads))
    other = await environment.client.start_workflow(
        "OfficeDataProcedure", own, id=f"beside-{uuid4()}", task_queue=environment.settings.temporal_task_queue
    )
    findings = await found(checks(environment), [FindingKind.NO_ROW])
    assert {finding.procedure for finding in findings} == {other.id}
    [row] = await environment.rows(select(CaseStatusRow).filter_by(case_no=case.application_no, part=1))
    assert row.workflow_id == case.office().id
    assert row.first_run_id == started.first_execution_run_id
    await end(other, case.application, case.office())
