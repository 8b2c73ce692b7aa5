"""What something costs: batches of a stack with it and of one without take turns, each first in every other round."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from bench.batch import AT_ONCE, Batch, measure
from bench.ours import Ours
from workers.program import say

MakeStack = Callable[[int], AbstractAsyncContextManager[Ours]]
"""Makes a stack with so many customers."""


@dataclass(frozen=True)
class CostRound:
    """One batch of each."""

    with_it: Batch
    without: Batch

    @property
    def rate_ratio(self) -> float:
        return self.with_it.per_second / self.without.per_second

    @property
    def cpu_ratio(self) -> float:
        return self.with_it.cpu_per_application / self.without.cpu_per_application


async def measure_cost(
    what: str, applications: int, rounds: int, with_it: MakeStack, without: MakeStack
) -> list[CostRound]:
    """Measure on two stacks that both run; the one that has nothing to do costs next to nothing."""
    customers = AT_ONCE + rounds * applications
    async with with_it(customers) as one, without(customers) as other:
        for side in (one, other):
            await measure(side, range(AT_ONCE))
        found = []
        for number, first in enumerate(range(AT_ONCE, customers, applications)):
            batches: dict[Ours, Batch] = {}
            numbers = range(first, first + applications)
            for side in (one, other) if number % 2 == 0 else (other, one):
                say(f"{what} {'on' if side is one else 'off'}: customers {numbers.start} to {numbers.stop - 1}")
                batches[side] = await measure(side, numbers)
            found.append(CostRound(batches[one], batches[other]))
        return found
