"""A build that breaks open cases is seen: by operators, by the reconciliation and by `health`; other cases go on."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio import workflow
from temporalio.client import Client
from temporalio.service import ServiceClient
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.backoffice.broken_cases import BrokenCases
from models.backoffice.broken_cases import BrokenCase, WhyBroken
from models.backoffice.reconciliation import FindingKind, ReconciliationReport
from models.common.messages import ACTIVITY_FAILING
from models.yayoi.procedures import Stage
from tests.replay.changed_procedures import WithOneStepMore
from tests.support.databases import as_role
from tests.support.desk import desk_on
from tests.support.ending import end
from tests.support.environment import Case, Environment, at_rest, environment_with_worker, form
from tests.support.recorded_paths import waiting_for_sharing
from tests.support.sandbox import RESTRICTED
from tests.support.smtp_inbox import SmtpInbox
from tests.support.web import until
from web.backoffice.desk_start import OWN_PAGE
from workers.commands.replay import ReplayCheckError, replay_check
from workers.database_roles import DatabaseRole
from workers.health import check_worker
from workers.program import ClearError
from workers.replay_guard import ReplayGuard
from workers.settings import Settings
from workers.temporal import prepare
from workers.wiring.root import WORKFLOWS, build_worker
from workflows.backoffice.daily_reconciliation import DailyReconciliation
from workflows.yayoi.office_data_procedure import OfficeDataProcedure

CHANGED = [WithOneStepMore if each is OfficeDataProcedure else each for each in WORKFLOWS]


@asynccontextmanager
async def working(
    environment: Environment, build_id: str, workflows: Sequence[type] = WORKFLOWS
) -> AsyncIterator[ReplayGuard]:
    """Run a worker of this build as `tetsuzuki worker` does, with a client of its own."""
    service = await ServiceClient.connect(environment.client.service_client.config)
    client = Client(**environment.client.config(active_config=True) | {"service_client": service})
    settings = environment.settings.model_copy(update={"build_id": build_id})
    async with as_role(environment.sessions, DatabaseRole.WORKER) as own:
        guard = ReplayGuard(client, settings, own, workflows=workflows, runner=RESTRICTED, code=build_id)
        async with (
            guard.on_duty(look_every=0.1),
            build_worker(
                client,
                settings,
                own,
                workflows=workflows,
                max_cached_workflows=0,
                runner=guard.runner,
            ),
        ):
            yield guard


def broken_cases(environment: Environment) -> BrokenCases:
    return BrokenCases(environment.sessions, environment.client, environment.settings.temporal_task_queue)


async def found(environment: Environment, *expected: BrokenCase) -> None:
    """Wait until these are found, and no others."""

    async def as_expected() -> bool:
        return list(await broken_cases(environment).find()) == list(expected)

    await until(as_expected)


async def said_by_health(environment: Environment) -> str:
    settings = environment.settings.model_copy(
        update={
            "temporal_address": environment.client.service_client.config.target_host,
            "database_url": environment.sessions.kw["bind"].url.render_as_string(hide_password=False),
        }
    )
    try:
        await check_worker(settings)
    except ClearError as error:
        return str(error)
    return ""


async def reconciled(environment: Environment) -> ReconciliationReport:
    return await environment.client.execute_workflow(
        DailyReconciliation.run, id=f"r-{uuid4()}", task_queue=environment.settings.temporal_task_queue
    )


async def another_case_goes_on(environment: Environment) -> None:
    """It ends with the build that began it: another one would break it."""
    case: Case = await environment.apply(form())
    await at_rest(case, Stage.SET_UP)
    await end(case.application, case.office())


@pytest.mark.long
async def test_a_build_that_came_past_the_replay_check_is_seen_and_takes_no_case_that_it_would_break(
    sessions: async_sessionmaker[AsyncSession],
    temporal: WorkflowEnvironment,
    smtp_inbox: SmtpInbox,
    *,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The tests' client has a name of its own; which worker is this machine's is tried in test_health.py.
    monkeypatch.setattr("workers.health.on_this_machine", lambda *_: "")
    async with environment_with_worker(
        sessions, temporal, smtp_inbox, build_id="old", max_cached_workflows=0
    ) as environment:
        await prepare(environment.client, environment.settings)
        case = await waiting_for_sharing(environment)
        changed = environment.settings.model_copy(update={"build_id": "changed"})
        with pytest.raises(ReplayCheckError):
            await replay_check(environment.client, changed, CHANGED)

        # Somebody makes it the current one in spite of that.
        await prepare(environment.client, changed)
        async with working(environment, "changed", CHANGED) as guard:
            assert guard.runner.refused == {case.office().id}
            assert f"would break {case.office().id} and does not take it" in caplog.text
            stopped = BrokenCase(case.office().id, WhyBroken.NOT_TAKEN)
            await found(environment, stopped)
            await case.office().signal(ACTIVITY_FAILING, "a task that has to be done")
            await another_case_goes_on(environment)
            report = await reconciled(environment)
            assert (FindingKind.BROKEN, case.office().id) in {(each.kind, each.about) for each in report.findings}
            async with desk_on(sessions, broken_cases=broken_cases(environment).find) as desk:
                await desk.sign_in("sk")
                for page in ("/desk", OWN_PAGE):
                    shown = (await desk.http.get(page)).text
                    assert WhyBroken.NOT_TAKEN in shown
                    assert case.office().id in shown
                await desk.add("nn")
                await desk.sign_in("nn")  # without a role: no cases either
                assert case.office().id not in (await desk.http.get(OWN_PAGE)).text
            said = await said_by_health(environment)
            assert "1 open workflows cannot go on" in said
            assert case.office().id in said

        # The build of before is made current again: the case goes on as if nothing had been.
        await prepare(environment.client, environment.settings)
        async with working(environment, "old"):
            await found(environment)
            assert await said_by_health(environment) == ""
            await case.release_sharing()
            await at_rest(case, Stage.SET_UP)


@pytest.mark.long
async def test_a_case_that_fails_by_the_steps_of_another_build_is_found_by_what_temporal_reports(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment, smtp_inbox: SmtpInbox
) -> None:
    async with environment_with_worker(
        sessions, temporal, smtp_inbox, build_id="old", max_cached_workflows=0
    ) as environment:
        await prepare(environment.client, environment.settings)
        case = await waiting_for_sharing(environment)
        changed = environment.settings.model_copy(update={"build_id": "changed"})
        await prepare(environment.client, changed)
        # Nobody looks: the worker was not started as ours are.
        async with build_worker(environment.client, changed, sessions, workflows=CHANGED, max_cached_workflows=0):
            await case.office().signal(ACTIVITY_FAILING, "a task that has to be done")
            await until(broken_cases(environment).find)
            [found] = await broken_cases(environment).find()
            assert found.workflow_id == case.office().id
            assert found.why in {WhyBroken.OTHER_STEPS, WhyBroken.CODE_FAILS}


@workflow.defn
class Faulty:
    @workflow.run
    async def run(self, fails: bool) -> str:
        if fails:
            raise RuntimeError("a mistake in the code")
        return "done"


@pytest.mark.long
async def test_a_workflow_whose_code_fails_is_found_and_others_of_its_type_go_on(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment
) -> None:
    queue, name = f"faulty-{uuid4()}", f"faulty-{uuid4()}"
    worker = Worker(temporal.client, task_queue=queue, workflows=[Faulty], workflow_runner=UnsandboxedWorkflowRunner())
    looking = BrokenCases(sessions, temporal.client, queue)
    async with worker:
        broken = await temporal.client.start_workflow("Faulty", True, id=name, task_queue=queue)
        await until(looking.find)
        assert await looking.find() == [BrokenCase(name, WhyBroken.CODE_FAILS)]
        assert await temporal.client.execute_workflow("Faulty", False, id=f"{name}-2", task_queue=queue) == "done"
        await broken.terminate()

        async def gone() -> bool:
            return not await looking.find()

        await until(gone)


@pytest.mark.long
async def test_a_build_that_has_passed_is_not_replayed_again_but_changed_code_of_its_name_is(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment, smtp_inbox: SmtpInbox
) -> None:
    async with environment_with_worker(
        sessions, temporal, smtp_inbox, build_id="one", max_cached_workflows=0
    ) as environment:
        await prepare(environment.client, environment.settings)
        case = await waiting_for_sharing(environment)
        client, settings = environment.client, environment.settings
        first = ReplayGuard(client, settings, sessions, code="good")
        await first.look()
        again = ReplayGuard(client, settings, sessions, workflows=CHANGED, code="good")
        await again.look()
        assert not first.runner.refused | again.runner.refused
        changed = ReplayGuard(client, settings, sessions, workflows=CHANGED, code="changed")
        await changed.look()
        assert changed.runner.refused == {case.office().id}
        # Of a build that is not the current one no case comes here.
        other = ReplayGuard(client, Settings(**dict(settings) | {"build_id": "other"}), sessions, workflows=CHANGED)
        await other.look()
        assert not other.runner.refused
