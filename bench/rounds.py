"""Short batches of all sides in turn: the machine may be twice as fast a minute later, for all of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.bare import Bare, bare_side
from bench.batch import AT_ONCE, Batch, Side, measure
from bench.dbos_side import dbos_side
from bench.ours import Ours

Take = Callable[[int], Sequence[int]]
"""Gives so many customers who have not applied yet."""


@dataclass(frozen=True)
class Round:
    """One batch of each side; None: skipped."""

    ours: Batch
    bare: Batch | None = None
    bare_events: tuple[float, float] | None = None
    """Of the application and of the office, on average."""
    dbos: Batch | None = None

    def rate_ratio(self, other: Batch | None) -> float | None:
        return self.ours.per_second / other.per_second if other else None

    def cpu_ratio(self, part: str) -> float | None:
        return self.ours.cpu_per_application(part) / self.bare.cpu_per_application(part) if self.bare else None


async def measure_round(ours: Ours, take: Take, applications: int, *, bare: bool, dbos: bool) -> Round:
    """Only one side is at work at a time, and the workers of the others are not there."""
    batch = await measure(ours, take(applications))
    bare_batch, bare_events, dbos_batch = None, None, None
    if bare:
        async with bare_side(ours) as side:
            bare_batch = await _warm(side, take, applications)
            bare_events = await _events(side, bare_batch)
    if dbos:
        async with dbos_side(ours) as other:
            dbos_batch = await _warm(other, take, applications)
    return Round(batch, bare_batch, bare_events, dbos_batch)


async def _warm(side: Side, take: Take, applications: int) -> Batch:
    """Measure a side whose processes have loaded what they need, as ours have."""
    await measure(side, take(AT_ONCE))
    return await measure(side, take(applications))


async def _events(side: Bare, batch: Batch) -> tuple[float, float]:
    counted = [await side.events(case) for case in batch.cases]
    applications, offices = (sum(column) / len(counted) for column in zip(*counted, strict=True))
    return applications, offices
