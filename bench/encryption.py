"""What encryption costs: batches of a stack with it and of one without take turns, each first in every other round."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bench.batch import AT_ONCE, Batch, measure
from bench.ours import Ours, our_stack
from workers.program import say


@dataclass(frozen=True)
class EncryptionRound:
    """One batch of each."""

    encrypted: Batch
    plain: Batch

    @property
    def rate_ratio(self) -> float:
        return self.encrypted.per_second / self.plain.per_second

    @property
    def cpu_ratio(self) -> float:
        return self.encrypted.cpu_per_application / self.plain.cpu_per_application


async def measure_encryption(applications: int, rounds: int) -> list[EncryptionRound]:
    """Measure on two stacks that both run; the one that has nothing to do costs next to nothing."""
    customers = AT_ONCE + rounds * applications
    async with _two_stacks(customers) as (encrypted, plain):
        for side in (encrypted, plain):
            await measure(side, range(AT_ONCE))
        return [
            await _round(encrypted, plain, range(first, first + applications), encrypted_first=number % 2 == 0)
            for number, first in enumerate(range(AT_ONCE, customers, applications))
        ]


@asynccontextmanager
async def _two_stacks(customers: int) -> AsyncIterator[tuple[Ours, Ours]]:
    async with our_stack(customers) as encrypted, our_stack(customers, encrypted=False) as plain:
        yield encrypted, plain


async def _round(encrypted: Ours, plain: Ours, numbers: range, *, encrypted_first: bool) -> EncryptionRound:
    batches: dict[Ours, Batch] = {}
    for side in (encrypted, plain) if encrypted_first else (plain, encrypted):
        say(f"encryption {'on' if side is encrypted else 'off'}: customers {numbers.start} to {numbers.stop - 1}")
        batches[side] = await measure(side, numbers)
    return EncryptionRound(batches[encrypted], batches[plain])
