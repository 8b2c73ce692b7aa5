"""The worker process: runs workflows and activities until it is ended, and lets running activities finish."""

import asyncio
import logging

from temporalio.client import Client

from workers import database, temporal
from workers.build_id import build_id
from workers.case_keys import CaseKeys, opened_keys
from workers.journal import JournalFile
from workers.program import until_cancelled
from workers.replay_guard import ReplayGuard
from workers.settings import Settings
from workers.store_marks import look_patiently, watched
from workers.telemetry.temporal_up import temporal_watched
from workers.wiring.root import build_worker

_TRY_AGAIN_AFTER = 1.0  # seconds

_logger = logging.getLogger(__name__)


async def serve(settings: Settings) -> None:
    """Run one worker. Cancelling it lets activities in hand end, as long as `graceful_shutdown_timeout` allows."""
    engine = database.engine(settings)
    try:
        await database.check(engine)
        async with opened_keys(settings) as keys:
            await keys.masters.ring()
            client = await connect_patiently(settings, keys)
            sessions = database.sessions(engine, keys.masters, JournalFile.of(settings))
            await look_patiently(client, sessions)
            guard = ReplayGuard(client, settings, sessions)
            async with (
                guard.on_duty(),
                temporal_watched(client, settings),
                build_worker(client, settings, sessions, runner=guard.runner),
            ):
                _logger.info("working as build %s", build_id(settings))
                if await temporal.current_build(client, settings) != build_id(settings):
                    _logger.warning(
                        "this build is not current and gets no new cases: `tetsuzuki migrate` makes it current"
                    )
                await watched(until_cancelled(), client, sessions, counts=True)
    finally:
        await engine.dispose()


async def connect_patiently(settings: Settings, keys: CaseKeys, role: str = "worker") -> Client:
    """Connect to Temporal, and wait for it as long as it takes. `role`: what the process is called there."""
    while True:
        try:
            return await temporal.connect(settings, keys, role=role)
        except temporal.TemporalUnreachableError as error:
            _logger.warning("waiting: %s", error)
            await asyncio.sleep(_TRY_AGAIN_AFTER)
