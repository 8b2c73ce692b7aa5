"""Short batches of all sides in turn: the machine may be twice as fast a minute later, for all of them."""

from collections.abc import Callable, Sequence

from bench.bare import Bare, bare_side
from bench.batch import AT_ONCE, Batch, Side, measure
from bench.ours import Ours
from bench.results import Round

Take = Callable[[int], Sequence[int]]
"""Gives so many customers who have not applied yet."""


async def measure_round(ours: Ours, take: Take, applications: int, *, bare: bool, dbos: bool) -> Round:
    """Only one side is at work at a time, and the workers of the others are not there."""
    batch = await measure(ours, take(applications))
    bare_batch, bare_events, dbos_batch = None, None, None
    if bare:
        async with bare_side(ours) as side:
            bare_batch = await _warm(side, take, applications)
            bare_events = await _events(side, bare_batch)
    if dbos:
        from bench.dbos_side import dbos_side  # noqa: PLC0415 installed by `make bench` alone

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
