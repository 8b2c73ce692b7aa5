"""The one place that runs an asyncio program and ends it properly, so that exit codes can be trusted."""

import asyncio
import gc
import logging
import signal
import sys
from collections.abc import Coroutine
from typing import Any

from workers.errors import ClearError

Main = Coroutine[Any, Any, int | None]


def run(main: Main, *, log_level: str = "WARNING", service: bool = False) -> int:
    """Run `main` to its end and give the exit code: what it returns, None for 0.

    SIGINT and SIGTERM cancel it. That is how a service ends well, code 0; any other program was interrupted, code 128
    and the signal's number. A `ClearError` is printed without traceback, code 1.
    """
    logging.basicConfig(level=log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # at INFO it writes whole addresses, secret parts too
    try:
        return asyncio.run(_until_told(main, service=service))
    except ClearError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    finally:
        # The Temporal client's native runtime must be gone before the interpreter is: otherwise about a quarter of
        # short programs die with SIGABRT or SIGSEGV at exit, their work already done.
        gc.collect()


async def until_told() -> None:
    """Wait until the program is told to end, by cancellation."""
    await asyncio.Event().wait()


async def _until_told(main: Main, *, service: bool) -> int:
    task = asyncio.create_task(main)
    told: list[signal.Signals] = []

    def end(by: signal.Signals) -> None:
        told.append(by)
        task.cancel()

    for by in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(by, end, by)
    try:
        return await task or 0
    except asyncio.CancelledError:
        if not told:
            raise
        return 0 if service else 128 + told[0]
