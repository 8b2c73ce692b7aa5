"""Worker versioning: cases follow the current build once its replay check has passed, or stay with their own."""

import asyncio
import shutil
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.api.enums.v1 import TaskQueueType, VersioningBehavior
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest, SetWorkerDeploymentCurrentVersionRequest
from temporalio.client import WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import WorkflowEnvironment

from models.common.operator_message import ActionMessage
from models.yayoi.operator_actions import Action, Cancel
from models.yayoi.procedures import SetUpStep, Stage
from tests.replay.changed_procedures import WithOneStepMore, WithOneStepMorePatched
from tests.support.environment import OFFICE_C, Environment, at_rest, environment_with_worker, form
from tests.support.recorded_paths import waiting_for_sharing
from tests.support.running import PATIENCE
from tests.support.smtp_inbox import SmtpInbox
from tests.support.versions import copied_code, follows
from workers.build_id import build_id, code_hash
from workers.commands.replay import ReplayCheckError, replay_check
from workers.settings import Settings
from workers.temporal import current_build, prepare
from workers.wiring.root import WORKFLOWS, Workers, build_worker
from workflows.yayoi.office_data_procedure import OfficeDataProcedure


async def make_current(environment: Environment, build_id: str) -> None:
    """As `temporal worker deployment set-current-version` does; the server learns of a build from its first worker."""
    request = SetWorkerDeploymentCurrentVersionRequest(
        namespace=environment.client.namespace, deployment_name=environment.settings.deployment_name, build_id=build_id
    )
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                await environment.client.workflow_service.set_worker_deployment_current_version(request)
            except RPCError as error:
                if error.status not in {RPCStatusCode.NOT_FOUND, RPCStatusCode.FAILED_PRECONDITION}:
                    raise
                await asyncio.sleep(0.1)
            else:
                return


async def pollers(environment: Environment) -> set[str]:
    """The builds whose workers poll."""
    request = DescribeTaskQueueRequest(
        namespace=environment.client.namespace,
        task_queue=TaskQueue(name=environment.settings.temporal_task_queue),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    )
    found = await environment.client.workflow_service.describe_task_queue(request)
    return {poller.deployment_options.build_id for poller in found.pollers}


async def build_of(handle: WorkflowHandle[Any, Any]) -> str | None:
    """The build that the workflow is pinned to; None if it is not."""
    info = (await handle.describe()).raw_description.workflow_execution_info.versioning_info
    pinned = info.behavior == VersioningBehavior.VERSIONING_BEHAVIOR_PINNED
    return info.deployment_version.build_id if pinned else None


def named(environment: Environment, build_id: str) -> Settings:
    return environment.settings.model_copy(update={"build_id": build_id})


def worker_of(environment: Environment, build_id: str, workflows: Sequence[type] = WORKFLOWS) -> Workers:
    return build_worker(environment.client, named(environment, build_id), environment.sessions, workflows=workflows)


@pytest.mark.long
async def test_a_case_stays_with_the_build_that_began_it_and_new_ones_go_to_the_current_one(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment, smtp_inbox: SmtpInbox
) -> None:
    async with environment_with_worker(
        sessions, temporal, smtp_inbox, build_id="old", versioning_behavior="pinned"
    ) as environment:
        await make_current(environment, "old")
        begun = await environment.apply(form())
        await at_rest(begun, Stage.SET_UP)
        async with worker_of(environment, "new"):
            await make_current(environment, "new")
            following = await environment.apply(form([OFFICE_C], delegate=True))
            await at_rest(following, Stage.SET_UP)
            await begun.do_step(SetUpStep.SUPPORT_PASSWORD)
            for case, build_id in ((begun, "old"), (following, "new")):
                assert await build_of(case.application) == await build_of(case.office()) == build_id
        # By this they are found when they must be moved to a corrected build (docs/deployment.md).
        query = f"TemporalWorkerDeploymentVersion = '{environment.settings.deployment_name}:old'"
        while (await environment.client.count_workflows(query)).count != 2:  # noqa: ASYNC110
            await asyncio.sleep(0.1)


@pytest.mark.long
async def test_a_case_that_began_without_versions_goes_over_to_the_first_build(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment, smtp_inbox: SmtpInbox
) -> None:
    # Without a cache: a case that a worker has in its cache stays with it as long as it runs.
    async with environment_with_worker(
        sessions, temporal, smtp_inbox, max_cached_workflows=0, versioning_behavior="pinned"
    ) as environment:
        begun = await environment.apply(form())
        await at_rest(begun, Stage.SET_UP)
        assert await build_of(begun.office()) is None
        async with worker_of(environment, "first"), asyncio.timeout(PATIENCE):
            await make_current(environment, "first")
            while await build_of(begun.office()) != "first":
                await begun.act(ActionMessage(reason="お電話"), action=Action.ADD_NOTE)


def changed(procedure: type) -> Sequence[type]:
    """All workflows, with this one in the place of the office's procedure."""
    return [procedure if workflow is OfficeDataProcedure else workflow for workflow in WORKFLOWS]


async def test_open_cases_follow_to_a_build_that_understands_them(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment, smtp_inbox: SmtpInbox
) -> None:
    # Without a cache: a case that a worker has in its cache stays with it as long as it runs.
    async with environment_with_worker(
        sessions, temporal, smtp_inbox, build_id="old", max_cached_workflows=0
    ) as environment:
        await prepare(environment.client, environment.settings)
        case = await waiting_for_sharing(environment)
        assert await follows(case.office(), "old")
        new, workflows = named(environment, "new"), changed(WithOneStepMorePatched)
        await replay_check(environment.client, new, workflows)
        # As `migrate` does: it becomes current before its first worker starts.
        await prepare(environment.client, new)
        assert await current_build(environment.client, new) == "new"
        async with worker_of(environment, "new", workflows):
            await case.release_sharing()
            await at_rest(case, Stage.SET_UP)
            assert await follows(case.office(), "new")
            await case.act(Cancel(reason="お客様のご希望"))
            await case.application.result()
            assert await follows(case.application, "new")


async def test_a_build_that_would_break_a_case_names_it_and_nothing_has_moved(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment, smtp_inbox: SmtpInbox
) -> None:
    async with environment_with_worker(sessions, temporal, smtp_inbox, build_id="old") as environment:
        await prepare(environment.client, environment.settings)
        case = await waiting_for_sharing(environment)
        with pytest.raises(ReplayCheckError) as failed:
            await replay_check(environment.client, named(environment, "new"), changed(WithOneStepMore))
        first, named_case = str(failed.value).splitlines()
        assert first.startswith("replay check failed: build new would break 1 of 2 open cases. It was not started")
        assert first.endswith("the current build is still old.")
        assert named_case.startswith(f"  application/{case.application_no}/office/1: ")
        assert await current_build(environment.client, environment.settings) == "old"
        assert await pollers(environment) == {"old"}
        await case.release_sharing()
        await at_rest(case, Stage.SET_UP)
        assert await follows(case.office(), "old")


@pytest.mark.long
async def test_a_case_that_stays_with_its_build_cannot_break_with_another(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment, smtp_inbox: SmtpInbox
) -> None:
    async with environment_with_worker(
        sessions, temporal, smtp_inbox, build_id="old", versioning_behavior="pinned"
    ) as environment:
        await prepare(environment.client, environment.settings)
        case = await waiting_for_sharing(environment)
        assert await build_of(case.office()) == "old"
        await replay_check(environment.client, named(environment, "new"), changed(WithOneStepMore))


def test_a_build_is_called_after_its_version_and_its_code_wherever_it_lies(tmp_path: Path) -> None:
    one, other = copied_code(tmp_path / "one"), copied_code(tmp_path / "other")
    assert build_id(Settings()) == f"{version('tetsuzuki')}-{code_hash(one)}"
    for cache in other[0].rglob("__pycache__"):
        shutil.rmtree(cache)
    (other[0] / "__init__.py").touch()
    assert code_hash(reversed(other)) == code_hash(one)
    mail = next((tmp_path / "other" / "activities" / "yayoi" / "mails").iterdir())
    mail.rename(mail.with_suffix(".new"))
    assert code_hash(other) != code_hash(one)
    assert build_id(Settings(build_id="2026-11-22.1")) == "2026-11-22.1"
