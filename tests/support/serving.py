"""An app of the tests behind a real port, for what reaches it from outside: a browser, another program."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to pytest."""
        yield


@asynccontextmanager
async def served(app: FastAPI, **options: Any) -> AsyncIterator[str]:
    """Serve the app on a free port, with options of uvicorn, and give its address.

    Whoever made the app runs its lifespan.
    """
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()  # who comes before the server is ready waits and is not refused
        async with served_on(listener, app, **options):
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@asynccontextmanager
async def served_on(listener: socket.socket, app: FastAPI, **options: Any) -> AsyncIterator[None]:
    """Serve the app on a socket that listens already: for an app that is made with its own address."""
    server = _Server(uvicorn.Config(app, lifespan="off", log_config=None, **options))
    serving = asyncio.create_task(server.serve([listener]))
    try:
        yield
    finally:
        server.should_exit = True
        await serving
