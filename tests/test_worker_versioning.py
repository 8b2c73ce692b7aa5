"""Worker versioning: with a build id, every case stays with the build that began it."""

import asyncio
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.api.deployment.v1 import WorkerDeploymentVersion
from temporalio.api.enums.v1 import VersioningBehavior
from temporalio.api.workflow.v1 import WorkflowExecutionVersioningInfo
from temporalio.api.workflowservice.v1 import SetWorkerDeploymentCurrentVersionRequest
from temporalio.client import WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import WorkflowEnvironment

from models.procedures import Stage
from tests.conftest import SmtpInbox
from tests.world import World, at_rest, form, world_with_worker


async def make_current(world: World, build_id: str) -> None:
    """As `temporal worker deployment set-current-version` does; the server learns of a build from its first worker."""
    request = SetWorkerDeploymentCurrentVersionRequest(
        namespace=world.client.namespace, deployment_name=world.settings.deployment_name, build_id=build_id
    )
    async with asyncio.timeout(30):
        while True:
            try:
                await world.client.workflow_service.set_worker_deployment_current_version(request)
            except RPCError as error:
                if error.status not in {RPCStatusCode.NOT_FOUND, RPCStatusCode.FAILED_PRECONDITION}:
                    raise
                await asyncio.sleep(0.1)
            else:
                return


async def versioning(handle: WorkflowHandle[Any, Any]) -> WorkflowExecutionVersioningInfo:
    return (await handle.describe()).raw_description.workflow_execution_info.versioning_info


async def test_a_case_is_pinned_to_the_build_that_began_it(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment, smtp_inbox: SmtpInbox
) -> None:
    async with world_with_worker(sessions, temporal, smtp_inbox, build_id="2026-11") as world:
        await make_current(world, "2026-11")
        case = await world.apply(form())
        await at_rest(case, Stage.SET_UP)
        for handle in (case.application, case.office()):
            info = await versioning(handle)
            assert info.behavior == VersioningBehavior.VERSIONING_BEHAVIOR_PINNED
            assert info.deployment_version == WorkerDeploymentVersion(
                deployment_name=world.settings.deployment_name, build_id="2026-11"
            )
        # By this they are found when they must be moved to a mended build (docs/deployment.md).
        query = f"TemporalWorkerDeploymentVersion = '{world.settings.deployment_name}:2026-11'"
        while (await world.client.count_workflows(query)).count != 2:  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def test_without_a_build_id_any_worker_takes_any_case(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment, smtp_inbox: SmtpInbox
) -> None:
    async with world_with_worker(sessions, temporal, smtp_inbox) as world:
        case = await world.apply(form())
        await at_rest(case, Stage.SET_UP)
        info = await versioning(case.office())
        assert info.behavior == VersioningBehavior.VERSIONING_BEHAVIOR_UNSPECIFIED
