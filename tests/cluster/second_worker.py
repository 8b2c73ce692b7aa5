"""A second worker of a stack, as `docker compose up --scale worker=2` starts one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from workers import health, temporal
from workers.stack.checks import free_port
from workers.stack.stack_settings import environment
from workers.stack.supervisor import Stack
from workers.stack.watched import Watched


@asynccontextmanager
async def second_worker(stack: Stack, log: Path) -> AsyncIterator[Watched]:
    """Run it while the context lasts; it is started again when it is killed."""
    part = stack._parts["worker"]._part
    settings = stack._settings_of(part)
    assert settings
    own = settings.model_copy(update={"metrics_port": free_port()}) if settings.telemetry else settings
    watched = Watched(part, environment(own), log, lambda _: None, lambda: None)
    await watched.start()
    try:
        client = await temporal.connect(stack.settings)
        assert watched.mark
        while not await health.polls(client, stack.settings, watched.mark.pid):  # noqa: ASYNC110 another process
            await asyncio.sleep(0.1)
        yield watched
    finally:
        await watched.stop()
