"""The worker of the bare procedure: built as ours, in one process, with the sandbox and worker versioning."""

import asyncio
import os
from datetime import timedelta

from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import Worker, WorkerDeploymentConfig

from bench.bare_workflows import BareActivities, BareApplication, BareOfficeProcedure
from bench.batch import LOOK_AGAIN_AFTER
from bench.other_processes import say_ready
from models.common.encryption import HOUSE, CaseKey, KeyGone
from workers import health, temporal
from workers.case_keys import CaseKeys, opened_keys
from workers.codec import CaseCodec, converter
from workers.program import read_settings, run, until_cancelled
from workers.settings import Settings

TASK_QUEUE = "bench-bare"
VERSION = WorkerDeploymentVersion("bench-bare", "2bccf77")


async def serve(settings: Settings) -> None:
    async with opened_keys(settings) as keys:
        await _serve(settings, await temporal.connect(settings, keys, role="worker"), keys)


async def _serve(settings: Settings, client: Client, keys: CaseKeys) -> None:
    polled = settings.model_copy(update={"temporal_task_queue": TASK_QUEUE})
    async with Worker(
        _with_house_key(client, keys),
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
        while not await health.polls(client, polled, os.getpid()):  # noqa: ASYNC110 the server's
            await asyncio.sleep(LOOK_AGAIN_AFTER)
        say_ready()
        await until_cancelled()


class _HouseKey:
    """These cases have no rows, and so no keys of their own: all use the one of the house."""

    def __init__(self, keys: CaseKeys) -> None:
        self._keys = keys

    async def find(self, owner: str) -> CaseKey | KeyGone:  # noqa: ARG002 all have the same
        return await self._keys.find(HOUSE)


def _with_house_key(client: Client, keys: CaseKeys) -> Client:
    config = client.config()
    config["data_converter"] = converter(CaseCodec(_HouseKey(keys), client.namespace))
    return Client(**config)


if __name__ == "__main__":
    raise SystemExit(run(serve(read_settings()), service=True))
