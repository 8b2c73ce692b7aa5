"""Processes of the other sides, beside the stack's own."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from workers.program import ClearError
from workers.settings import Settings
from workers.stack.stack_settings import environment


def say_ready() -> None:
    """What such a process says once it works."""
    print("ready", flush=True)


@asynccontextmanager
async def running(module: str, settings: Settings, *arguments: str) -> AsyncIterator[int]:
    """Run a module with these settings while the context lasts; gives its process number once it is ready.

    Raises:
        ClearError: it has ended before.

    """
    quiet = environment(settings.model_copy(update={"log_level": "WARNING"}))
    command = (sys.executable, "-m", module, *arguments)
    process = await asyncio.create_subprocess_exec(*command, env=quiet, stdout=asyncio.subprocess.PIPE)
    try:
        if process.stdout is None or not await process.stdout.readline():
            raise ClearError(f"{module} did not start")
        yield process.pid
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
