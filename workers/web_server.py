"""The web process: serves pages and API until it is ended, and finishes running requests."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterator

import uvicorn
from fastapi import FastAPI
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

from models.common.signing_keys import KeyPurpose
from workers import database, temporal
from workers.case_keys import opened_keys
from workers.journal import JournalFile
from workers.known_keys import CurrentSigner
from workers.settings import Settings
from workers.store_marks import look_first, watched
from workers.wiring.web import build_web

_DRAIN = 10  # seconds
MOST_CONNECTIONS = 1000
"""At one time; those that come then are answered 503 at once."""
HEAD_WITHIN = 30.0
"""Seconds for a request's line and headers, from the connection or the answer before."""
_PIECE = 1 << 14  # bytes


async def serve(settings: Settings) -> None:
    """Serve until cancelled. Temporal may be away: applications are taken all the same."""
    engine = database.engine(settings, patience=database.IN_A_REQUEST)
    try:
        await database.check(engine)
        async with opened_keys(settings) as keys:
            await keys.masters.ring()
            client = await temporal.connect(settings, keys, role="web", lazy=True)
            sessions = database.sessions(engine, keys.masters, JournalFile.of(settings))
            await look_first(client, sessions)
            signer = CurrentSigner(settings, sessions, KeyPurpose.CUSTOMERS)
            await signer.check()
            app = build_web(settings, sessions, client, signer)
            await watched(serve_app(app, settings.web_host, settings.web_port), client, sessions)
    finally:
        await engine.dispose()


async def serve_app(app: FastAPI, host: str, port: int, *, longest_head: int | None = None) -> None:
    """Serve an application until cancelled, and finish running requests."""
    await _until_cancelled(_Server(config(app, host, port, longest_head=longest_head)))


async def serve_on(app: Starlette, listening: socket.socket) -> None:
    """Serve an application on a socket that listens until cancelled."""
    await _until_cancelled(_Server(config(app, *listening.getsockname()[:2], notes_answers=False)), [listening])


def config(
    app: Starlette, host: str, port: int, *, longest_head: int | None = None, notes_answers: bool = True
) -> uvicorn.Config:
    """Return how an app is served. Only whom `FORWARDED_ALLOW_IPS` names is believed to speak for other clients.

    uvicorn's own default believes whoever is on this machine, who would then meet no limit. `longest_head`: how many
    bytes a request's line and headers may have, if not uvicorn's 64 KB.
    """
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=notes_answers,
        timeout_graceful_shutdown=_DRAIN,
        forwarded_allow_ips=os.environ.get("FORWARDED_ALLOW_IPS", ""),
        http=BoundedHead,
        limit_concurrency=MOST_CONNECTIONS,
        server_header=False,
        h11_max_incomplete_event_size=longest_head,
    )


async def _until_cancelled(server: uvicorn.Server, sockets: list[socket.socket] | None = None) -> None:
    serving = asyncio.create_task(server.serve(sockets))
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        server.should_exit = True
        await serving
        raise


class BoundedHead(H11Protocol):
    """Closes a connection on which no request's head is complete in time: each would hold a place for ever.

    Nor is a head longer than the bound taken: h11 counts only what is not complete after each piece that it is given.
    """

    _too_slow: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        for start in range(0, len(data), _PIECE):
            if not self.transport.is_closing():
                super().data_received(data[start : start + _PIECE])
        self._watch()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._unwatch()

    def _watch(self) -> None:
        is_answering = self.cycle is not None and not self.cycle.response_complete
        if is_answering:
            self._unwatch()
        elif self._too_slow is None:
            self._too_slow = self.loop.call_later(HEAD_WITHIN, self.transport.close)

    def _unwatch(self) -> None:
        if self._too_slow:
            self._too_slow.cancel()
            self._too_slow = None


class _Server(uvicorn.Server):
    """Leaves signals to the program."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
