"""The web process: serves pages and API until it is ended, and finishes running requests."""

import asyncio
import contextlib
import os
from collections.abc import Iterator

import uvicorn
from fastapi import FastAPI

from models.common.signing_keys import KeyPurpose
from workers import database, temporal
from workers.case_keys import opened_keys
from workers.known_keys import CurrentSigner
from workers.settings import Settings
from workers.wiring.root import build_web

_DRAIN = 10  # seconds


async def serve(settings: Settings) -> None:
    """Serve until cancelled. Temporal may be away: applications are taken all the same."""
    engine = database.engine(settings)
    try:
        async with opened_keys(settings) as keys:
            await keys.masters.ring()
            client = await temporal.connect(settings, keys, role="web", lazy=True)
            sessions = database.sessions(engine, keys.masters)
            signer = CurrentSigner(settings, sessions, KeyPurpose.CUSTOMERS)
            await signer.check()
            app = build_web(settings, sessions, client, signer)
            await serve_app(app, settings.web_host, settings.web_port)
    finally:
        await engine.dispose()


async def serve_app(app: FastAPI, host: str, port: int, *, longest_head: int | None = None) -> None:
    """Serve an application until cancelled, and finish running requests."""
    await _until_cancelled(_Server(config(app, host, port, longest_head=longest_head)))


def config(app: FastAPI, host: str, port: int, *, longest_head: int | None = None) -> uvicorn.Config:
    """Return how an app is served. Only whom `FORWARDED_ALLOW_IPS` names is believed to speak for other clients.

    uvicorn's own default believes whoever is on this machine, who would then meet no limit. `longest_head`: how many
    bytes a request's line and headers may have, if not uvicorn's 64 KB.
    """
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        timeout_graceful_shutdown=_DRAIN,
        forwarded_allow_ips=os.environ.get("FORWARDED_ALLOW_IPS", ""),
        http="h11",
        h11_max_incomplete_event_size=longest_head,
    )


async def _until_cancelled(server: uvicorn.Server) -> None:
    serving = asyncio.create_task(server.serve())
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        server.should_exit = True
        await serving
        raise


class _Server(uvicorn.Server):
    """Leaves signals to the program."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
