"""Whether a worker reaches Temporal, as a metric: what it asks for stands still without a word while it does not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

from temporalio.client import Client
from temporalio.runtime import Runtime
from temporalio.service import RPCError

from workers.settings import Settings

LOOK_EVERY = 5.0
"""Seconds between two looks."""
_WITHIN = timedelta(seconds=3)


@asynccontextmanager
async def temporal_watched(client: Client, settings: Settings) -> AsyncIterator[None]:
    """Measure it while the context lasts, where metrics are on."""
    if not settings.telemetry:
        yield
        return
    watching = asyncio.create_task(_watch(client))
    try:
        yield
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching


async def _watch(client: Client) -> None:
    up = Runtime.default().metric_meter.create_gauge(
        "tetsuzuki_temporal_up", "Whether this process reaches Temporal: 1 or 0."
    )
    while True:
        up.set(1 if await _is_reached(client) else 0)
        await asyncio.sleep(LOOK_EVERY)


async def _is_reached(client: Client) -> bool:
    try:
        async with asyncio.timeout(2 * _WITHIN.total_seconds()):
            return await client.service_client.check_health(timeout=_WITHIN)
    except (RPCError, OSError, RuntimeError):
        return False
