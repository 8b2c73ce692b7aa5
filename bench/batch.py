"""One short batch on one side: so many applications, from the first request until every case rests after its notice."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

import psutil

from models.common.calendar import utc_now

AT_ONCE = 20
"""Requests of the sender that run at the same time."""
LOOK_AGAIN_AFTER = 0.5
"""Seconds between two looks at cases. Looking costs those whose CPU is counted: it is not done more often."""
_LAST_TASKS_WITHIN = 1.0  # seconds; what a case still does when its stage says that it rests
_LONGEST = 3600.0  # seconds for one batch

Item = TypeVar("Item")
Found = TypeVar("Found")


class Side(Protocol):
    """One of what is compared."""

    @property
    def processes(self) -> Mapping[str, int]:
        """The process number of each part that works for it; `sender` is the bench itself."""

    async def start(self, number: int) -> str:
        """Have one customer's application begun; gives a name for its case."""

    async def wait_for_rest(self, cases: Sequence[str], since: datetime) -> None:
        """Return when all these cases, begun since then, are notified and wait for their customers."""

    async def last_notice(self, cases: Sequence[str]) -> datetime:
        """When the last of their notices was sent."""


@dataclass(frozen=True)
class Batch:
    """What was measured; times in seconds from the first request."""

    cases: tuple[str, ...]
    begun: float
    """When the last application had been taken from the sender."""
    notified: float
    """When the last notice had been sent."""
    cpu: Mapping[str, float]
    """CPU seconds of each part until every case rests."""

    @property
    def per_second(self) -> float:
        return len(self.cases) / self.notified

    @property
    def cpu_per_application(self) -> float:
        """CPU seconds of all parts but the inbox, which is the mail server of somebody else."""
        return sum(seconds for part, seconds in self.cpu.items() if part != "inbox") / len(self.cases)

    def cpu_of(self, part: str) -> float | None:
        """CPU seconds of one part per application; None: this side has no such part."""
        return self.cpu[part] / len(self.cases) if part in self.cpu else None


async def measure(side: Side, numbers: Iterable[int]) -> Batch:
    """Have one application begun for each of these customers. Raises `TimeoutError` if it takes longer than an hour."""
    async with asyncio.timeout(_LONGEST):
        before = cpu_seconds(side.processes)
        first, clock = utc_now(), time.monotonic()
        cases = await at_once(numbers, side.start)
        begun = time.monotonic() - clock
        await side.wait_for_rest(cases, first)
        await asyncio.sleep(_LAST_TASKS_WITHIN)
        after = cpu_seconds(side.processes)
        notified = (await side.last_notice(cases) - first).total_seconds()
    return Batch(tuple(cases), begun, notified, {part: after[part] - before[part] for part in after})


async def at_once(items: Iterable[Item], do: Callable[[Item], Awaitable[Found]], limit: int = AT_ONCE) -> list[Found]:
    turns = asyncio.Semaphore(limit)

    async def one(item: Item) -> Found:
        async with turns:
            return await do(item)

    return list(await asyncio.gather(*map(one, items)))


def cpu_seconds(processes: Mapping[str, int]) -> dict[str, float]:
    """CPU seconds so far of each part: its process and what that has started (Postgres: a process per connection)."""
    return {part: _cpu_seconds(pid) for part, pid in processes.items()}


def _cpu_seconds(pid: int) -> float:
    process, total = psutil.Process(pid), 0.0
    if pid == os.getpid():  # what the bench has started are parts of their own
        times = process.cpu_times()
        return float(times.user + times.system)
    for one in (process, *process.children(recursive=True)):
        try:
            times = one.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total
