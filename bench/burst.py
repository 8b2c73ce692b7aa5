"""What an application costs in a large burst while as many cases are open, beside one in a small burst at first."""

from dataclasses import dataclass
from functools import partial

from bench.batch import AT_ONCE, Batch, at_once, measure
from bench.ours import our_stack
from bench.reading import late_tasks


@dataclass(frozen=True)
class Burst:
    """Both bursts."""

    small: Batch
    large: Batch
    late: int
    """Tasks of the large burst that timed out or were tried again."""

    @property
    def ratio(self) -> float:
        return self.large.cpu_per_application / self.small.cpu_per_application


async def measure_burst(size: int) -> Burst:
    """A tenth of `size` on a new stack, then the rest of it, so that `size` cases are open, then `size` at once."""
    tenth = max(size // 10, 1)
    async with our_stack(AT_ONCE + size + size) as ours:
        await measure(ours, range(AT_ONCE))
        first, last = AT_ONCE + tenth, AT_ONCE + size
        small = await measure(ours, range(AT_ONCE, first))
        if first < last:
            await measure(ours, range(first, last))
        large = await measure(ours, range(last, last + size))
        late = await at_once(large.cases, partial(late_tasks, ours.client))
        return Burst(small, large, sum(late))
