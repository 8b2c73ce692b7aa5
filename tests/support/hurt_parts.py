"""What goes wrong with a part of a running stack, for as long as a test wants it to."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import psutil

from workers.stack.supervisor import Stack

_LOOK_EVERY = 0.2
"""Seconds: a worker takes longer until it asks for tasks."""


@contextmanager
def frozen(stack: Stack, part: str) -> Iterator[None]:
    """Stop a part with all its processes where they are, and let them go on afterwards."""
    first = psutil.Process(stack.processes[part])
    group = [first, *first.children(recursive=True)]
    for each in group:
        os.kill(each.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for each in reversed(group):
            os.kill(each.pid, signal.SIGCONT)


@asynccontextmanager
async def without_worker(stack: Stack) -> AsyncIterator[None]:
    """Kill every worker as it starts, so that none asks for tasks; then wait until one does."""
    killing = asyncio.create_task(_kill_again_and_again(stack))
    try:
        yield
    finally:
        killing.cancel()
        await asyncio.gather(killing, return_exceptions=True)
        await stack.back("worker")


async def _kill_again_and_again(stack: Stack) -> None:
    while True:
        stack.kill("worker")
        await asyncio.sleep(_LOOK_EVERY)
