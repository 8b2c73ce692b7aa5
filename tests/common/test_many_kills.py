"""Sixty `kill -9` while three hundred cases are under way: nothing is lost, nothing is doubled."""

import asyncio
from collections import Counter
from itertools import cycle, islice
from pathlib import Path

import pytest
from sqlalchemy import func, select

from bench.batch import at_once
from bench.registry import contract, load_customers, token, yayoi_id
from models.tables import IssuedContractRow, LedgerRow, NoticeRow, OfficeRow
from models.yayoi.identifiers import ApplicationNo
from models.yayoi.procedures import Stage
from tests.support.stack_cases import NOTICE, Case, Outside
from workers import database
from workers.settings import Settings
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
            case_no = await outside.apply((yayoi_id(number), token(number)), contract_id=contract(number))
            taken.release()
            return case_no

        async def kill() -> None:
            for part in islice(cycle(PARTS), KILLS):
                for _ in range(_AFTER_EACH):
                    await taken.acquire()
                stack.kill(part)
                await stack.back(part)

        numbers, _ = await asyncio.gather(at_once(range(CASES), apply), kill())
        await _all_are_notified(stack.settings)

        assert len(set(numbers)) == CASES
        cases = [Case(stack.settings, outside, number) for number in numbers]
        await at_once(cases, lambda case: case.rests_at(1, Stage.SET_UP))
        await at_once(cases, lambda case: case.status_rows_say_what_the_procedures_are(1), limit=4)
        async with database.opened(stack.settings) as sessions, sessions() as session:
            issued = (await session.scalars(select(IssuedContractRow))).all()
            assert Counter(row.application_no for row in issued) == Counter(numbers)
            ids = sorted(int(row.contract_id) for row in issued)
            assert ids == list(range(ids[0], ids[0] + CASES))
            frozen = select(func.count()).where(OfficeRow.frozen_by.is_not(None))
            assert await session.scalar(frozen) == 0
            keys = await session.scalars(select(LedgerRow.key))
            steps = Counter(key.split(":", 2)[2] for key in keys)
            assert {"issue", "freeze", "thaw"} <= steps.keys()
            assert set(steps.values()) == {CASES}
        sent = await asyncio.to_thread(outside.all_notices)
        assert Counter(mail["To"] for mail in {mail["Message-ID"]: mail for mail in sent}.values()) == Counter(
            yayoi_id(number) for number in range(CASES)
        )


async def _all_are_notified(settings: Settings) -> None:
    sent = select(func.count()).where(NoticeRow.kind == NOTICE, NoticeRow.sent_at.is_not(None))
    async with database.opened(settings) as sessions:
        while True:
            async with sessions() as session:
                if await session.scalar(sent) == CASES:
                    return
            await asyncio.sleep(1)
