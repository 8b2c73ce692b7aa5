"""The whole stack, started as its users start it."""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
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
    settings: Settings,
    console: Path,
    code: Path | None = None,
    *,
    variables: Mapping[str, str] | None = None,
    before: Sequence[str] = (),
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run `tetsuzuki up`, of the packages in the folder `code` if given, until it says that it is ready.

    `variables`: all that it sees, else this process's with the settings. `before`: the program that starts it.
    """
    with console.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(*before, sys.executable, "-m", "workers", "up"),
            env=environment(settings) if variables is None else variables,
            stdout=output,
            stderr=output,
            cwd=code,
        )
    try:
        async with asyncio.timeout(PATIENCE):
            while not await asyncio.to_thread(_says_ready, console):
                assert process.returncode is None, await asyncio.to_thread(console.read_text)
                await asyncio.sleep(0.05)
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
