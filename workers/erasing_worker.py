"""The process that alone may delete: it ends what was kept long enough, and erases persons."""

import logging

from workers import database
from workers.build_id import build_id
from workers.case_keys import opened_keys
from workers.journal import JournalFile
from workers.program import until_cancelled
from workers.settings import Settings
from workers.store_marks import look_patiently, watched
from workers.wiring.eraser import build_eraser
from workers.worker import connect_patiently

_logger = logging.getLogger(__name__)


async def serve(settings: Settings) -> None:
    """Run it. Cancelling it lets activities in hand end."""
    engine = database.engine(settings)
    try:
        await database.check(engine)
        async with opened_keys(settings) as keys:
            await keys.masters.ring()
            client = await connect_patiently(settings, keys, "eraser")
            sessions = database.sessions(engine, keys.masters, JournalFile.of(settings))
            await look_patiently(client, sessions)
            async with build_eraser(client, settings, sessions):
                _logger.info("working as build %s", build_id(settings))
                await watched(until_cancelled(), client, sessions)
    finally:
        await engine.dispose()
