"""Sixty `kill -9` while three hundred cases are under way: nothing is lost, nothing is doubled."""

import asyncio
from itertools import cycle, islice
from pathlib import Path

import pytest

from bench.batch import at_once
from bench.registry import load_customers
from models.yayoi.identifiers import ApplicationNo
from tests.support.many_cases import apply_as, nothing_is_lost_and_nothing_is_doubled
from tests.support.stack_cases import Outside
from workers import database
from workers.stack.stack_settings import alone
from workers.stack.supervisor import Stack

CASES = 300
KILLS = 60
PARTS = ("worker", "temporal", "postgres", "web", "inbox")
_AFTER_EACH = CASES // KILLS
"""So many forms are taken between two kills."""

pytestmark = [pytest.mark.stack, pytest.mark.long, pytest.mark.timeout(3600)]


async def test_sixty_kills_with_three_hundred_cases_lose_and_double_nothing(state_dir: Path) -> None:
    async with Stack(alone(state_dir), say=lambda _: None) as stack:
        async with database.opened(stack.settings) as sessions:
            await load_customers(sessions, state_dir, CASES)
        outside, taken = Outside(stack.settings), asyncio.Semaphore(0)

        async def apply(number: int) -> ApplicationNo:
            case_no = await apply_as(outside, number)
            taken.release()
            return case_no

        async def kill() -> None:
            for part in islice(cycle(PARTS), KILLS):
                for _ in range(_AFTER_EACH):
                    await taken.acquire()
                stack.kill(part)
                await stack.back(part)

        numbers, _ = await asyncio.gather(at_once(range(CASES), apply), kill())
        await nothing_is_lost_and_nothing_is_doubled(stack.settings, outside, numbers)
