"""The whole stack, started as its users start it."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.running import PATIENCE
from workers.settings import Settings
from workers.stack.stack_settings import environment


def quiet(_text: str) -> None:
    """Nobody reads what a stack says."""


def _says_ready(console: Path) -> bool:
    return "ready;" in console.read_text()


@asynccontextmanager
async def running(
    settings: Settings, console: Path, code: Path | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run `tetsuzuki up`, of the packages in the folder `code` if given, until it says that it is ready."""
    with console.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "workers", "up"), env=environment(settings), stdout=output, stderr=output, cwd=code
        )
    try:
        async with asyncio.timeout(PATIENCE):
            while not await asyncio.to_thread(_says_ready, console):
                assert process.returncode is None
                await asyncio.sleep(0.05)
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
