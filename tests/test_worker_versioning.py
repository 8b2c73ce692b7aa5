"""Worker versioning: with a build id, every case stays with the build that began it."""

import asyncio
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.api.enums.v1 import VersioningBehavior
from temporalio.api.workflowservice.v1 import SetWorkerDeploymentCurrentVersionRequest
from temporalio.client import WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from models.actions import AddNote
from models.procedures import SetUpStep, Stage
from tests.running import PATIENCE
from tests.smtp_inbox import SmtpInbox
from tests.world import OFFICE_C, OPERATOR, World, at_rest, form, world_with_worker
from workers.wiring import build_worker


async def make_current(world: World, build_id: str) -> None:
    """As `temporal worker deployment set-current-version` does; the server learns of a build from its first worker."""
    request = SetWorkerDeploymentCurrentVersionRequest(
        namespace=world.client.namespace, deployment_name=world.settings.deployment_name, build_id=build_id
    )
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                await world.client.workflow_service.set_worker_deployment_current_version(request)
            except RPCError as error:
                if error.status not in {RPCStatusCode.NOT_FOUND, RPCStatusCode.FAILED_PRECONDITION}:
                    raise
                await asyncio.sleep(0.1)
            else:
                return


async def build_of(handle: WorkflowHandle[Any, Any]) -> str | None:
    """The build that the workflow is pinned to; None if it is not."""
    info = (await handle.describe()).raw_description.workflow_execution_info.versioning_info
    pinned = info.behavior == VersioningBehavior.VERSIONING_BEHAVIOR_PINNED
    return info.deployment_version.build_id if pinned else None


def worker_of(world: World, build_id: str) -> Worker:
    settings = world.settings.model_copy(update={"build_id": build_id})
    return build_worker(world.client, settings, world.sessions)


async def test_a_case_stays_with_the_build_that_began_it_and_new_ones_go_to_the_current_one(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment, smtp_inbox: SmtpInbox
) -> None:
    async with world_with_worker(sessions, temporal, smtp_inbox, build_id="old") as world:
        await make_current(world, "old")
        begun = await world.apply(form())
        await at_rest(begun, Stage.SET_UP)
        async with worker_of(world, "new"):
            await make_current(world, "new")
            following = await world.apply(form([OFFICE_C], delegate=True))
            await at_rest(following, Stage.SET_UP)
            await begun.do_step(SetUpStep.SUPPORT_PASSWORD)
            for case, build_id in ((begun, "old"), (following, "new")):
                assert await build_of(case.application) == await build_of(case.office()) == build_id
        # By this they are found when they must be moved to a mended build (docs/deployment.md).
        query = f"TemporalWorkerDeploymentVersion = '{world.settings.deployment_name}:old'"
        while (await world.client.count_workflows(query)).count != 2:  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def test_a_case_that_began_without_versions_goes_over_to_the_first_build(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment, smtp_inbox: SmtpInbox
) -> None:
    # Without a cache: a case that a worker has in its cache stays with it as long as it runs.
    async with world_with_worker(sessions, temporal, smtp_inbox, max_cached_workflows=0) as world:
        begun = await world.apply(form())
        await at_rest(begun, Stage.SET_UP)
        assert await build_of(begun.office()) is None
        async with worker_of(world, "first"), asyncio.timeout(PATIENCE):
            await make_current(world, "first")
            while await build_of(begun.office()) != "first":
                await begun.act(AddNote(by=OPERATOR, reason="お電話"))
