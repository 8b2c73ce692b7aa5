"""Worker processes beside the one of the stack."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from temporalio.client import Client

from workers import health
from workers.settings import Settings
from workers.stack.stack_settings import environment


@asynccontextmanager
async def more_workers(settings: Settings, client: Client, count: int) -> AsyncIterator[list[int]]:
    """Their process numbers, once all poll."""
    quiet = environment(settings.model_copy(update={"log_level": "WARNING"}))
    workers = [
        await asyncio.create_subprocess_exec(sys.executable, "-m", "workers", "worker", env=quiet) for _ in range(count)
    ]
    try:
        for worker in workers:
            while not await health.polls(client, settings.temporal_task_queue, worker.pid):  # noqa: ASYNC110 another process polls
                await asyncio.sleep(0.1)
        yield [worker.pid for worker in workers]
    finally:
        for worker in workers:
            worker.terminate()
        await asyncio.gather(*(worker.wait() for worker in workers))
