"""The process of the operators' web application."""

from workers import database, temporal
from workers.case_keys import opened_keys
from workers.journal import JournalFile
from workers.settings import Settings
from workers.store_marks import look_first, watched
from workers.web_server import serve_app
from workers.wiring.desk import build_desk

LONGEST_REQUEST_HEAD = 512 * 1024
"""Bytes of a request's line and headers: the Web UI shows a case's details by an address that holds them."""


async def serve(settings: Settings) -> None:
    """Serve until cancelled. Temporal may be away: who logs in sees so where it is needed."""
    engine = database.engine(settings, patience=database.IN_A_REQUEST)
    try:
        await database.check(engine)
        async with opened_keys(settings) as keys:
            await keys.masters.ring()
            client = await temporal.connect(settings, keys, role="desk", lazy=True)
            sessions = database.sessions(engine, keys.masters, JournalFile.of(settings))
            await look_first(client, sessions)
            app = build_desk(settings, sessions, client, keys)
            serving = serve_app(app, settings.desk_host, settings.desk_port, longest_head=LONGEST_REQUEST_HEAD)
            await watched(serving, client, sessions)
    finally:
        await engine.dispose()
