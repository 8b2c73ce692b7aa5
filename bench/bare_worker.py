"""The worker of the bare procedure: built as ours, in one process, with the sandbox and worker versioning."""

import asyncio
import os
from datetime import timedelta

from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import Worker, WorkerDeploymentConfig

from bench.bare_workflows import BareActivities, BareApplication, BareOfficeProcedure
from bench.batch import LOOK_AGAIN_AFTER
from bench.other_processes import say_ready
from workers import health, temporal
from workers.program import read_settings, run, until_cancelled
from workers.settings import Settings

TASK_QUEUE = "bench-bare"
VERSION = WorkerDeploymentVersion("bench-bare", "2bccf77")


async def serve(settings: Settings) -> None:
    client = await temporal.connect(settings)
    async with Worker(
        client,
        task_queue=TASK_QUEUE,
        workflows=[BareApplication, BareOfficeProcedure],
        activities=BareActivities().all,
        max_cached_workflows=1000,
        graceful_shutdown_timeout=timedelta(seconds=20),
        deployment_config=WorkerDeploymentConfig(
            version=VERSION,
            use_worker_versioning=True,
            default_versioning_behavior=VersioningBehavior.AUTO_UPGRADE,
        ),
    ):
        while not await health.polls(client, TASK_QUEUE, os.getpid()):  # noqa: ASYNC110 the server's
            await asyncio.sleep(LOOK_AGAIN_AFTER)
        say_ready()
        await until_cancelled()


if __name__ == "__main__":
    raise SystemExit(run(serve(read_settings()), service=True))
