"""A restore drill: a backup made while 300 cases run is restored, and each of them is led to its end."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest
from sqlalchemy import func, select

from models.common.calendar import utc_now
from models.common.store.held_cases import HeldCases
from models.tables import CaseStatusRow, IssuedContractRow, NoticeRow
from models.yayoi.mails import MailKind
from models.yayoi.messages import Outcome
from models.yayoi.procedures import Stage
from tests.support.stack_cases import Outside
from tests.support.stack_customers import Customer, applied, load_many, statuses
from workers import database
from workers.backup.copies import back_up
from workers.backup.restoring import Copies, restore
from workers.settings import Settings
from workers.stack.stack_settings import alone
from workers.stack.supervisor import Stack

pytestmark = [pytest.mark.stack, pytest.mark.long, pytest.mark.timeout(2400)]

CASES, AT_ONCE = 300, 8
_log = logging.getLogger(__name__)


async def test_cases_that_ran_during_the_backup_are_each_led_to_their_end(state_dir: Path, tmp_path: Path) -> None:
    settings = alone(state_dir, log_level="WARNING")
    outside, turns = Outside(settings), asyncio.Semaphore(AT_ONCE)
    customers = [Customer(number, outside) for number in range(CASES)]

    async def apply(customer: Customer) -> None:
        async with turns:
            await customer.apply()

    async with Stack(settings, say=str) as stack:
        await load_many(stack.settings, tmp_path, CASES)
        applying = [asyncio.create_task(apply(customer)) for customer in customers]
        while len(await applied(stack.settings)) < CASES // 2:  # noqa: ASYNC110 rows of another process
            await asyncio.sleep(0.1)
        manifest = await back_up(settings, tmp_path / "backup")
        await asyncio.gather(*applying)
        crashed_at = utc_now()
    began = time.monotonic()
    report = await restore(settings, Copies(tmp_path / "backup", tmp_path / "backup"), str)
    restored_in = time.monotonic() - began
    assert report.records_until <= manifest.postgres_copied_at
    async with Stack(settings, say=str) as stack:
        kept = await applied(stack.settings)
        lost = [customer for customer in customers if customer.application_no not in kept]
        _log.warning(
            "drill: %d of %d applications lost (records until %.1f s before the crash), stores restored in %.1f s",
            *(len(lost), CASES, (crashed_at - report.records_until).total_seconds(), restored_in),
        )
        assert len(kept) >= CASES // 2
        async with database.opened(stack.settings) as sessions:
            assert set(await HeldCases(sessions).release(None, by="ab", at=utc_now())) == kept
        # What was lost is sent again by who had sent it, and is another application.
        await asyncio.gather(*(apply(customer) for customer in lost))
        await _all_at(stack.settings, Stage.SET_UP)

        async def finish(customer: Customer) -> None:
            async with turns:
                await customer.set_up(stack.settings)

        await asyncio.gather(*(finish(customer) for customer in customers))
        await _all_at(stack.settings, Stage.CLOSED)
        rows = [row for row in (await statuses(stack.settings)).values() if row.part]
        assert Counter(row.outcome for row in rows) == {Outcome.COMPLETED.value: CASES}
        async with database.opened(stack.settings) as sessions, sessions() as session:
            issued = list(await session.scalars(select(IssuedContractRow.contract_id)))
            sent = select(func.count()).where(
                NoticeRow.kind == MailKind.COMPLETION_NOTICE, NoticeRow.sent_at.is_not(None)
            )
            assert (len(issued), len(set(issued)), await session.scalar(sent)) == (CASES, CASES, CASES)


async def _all_at(settings: Settings, stage: Stage) -> None:
    def elsewhere(rows: Iterable[CaseStatusRow]) -> bool:
        return {row.stage for row in rows if row.part} != {stage.value}

    while elsewhere((await statuses(settings)).values()):  # noqa: ASYNC110 rows of another process
        await asyncio.sleep(0.5)
