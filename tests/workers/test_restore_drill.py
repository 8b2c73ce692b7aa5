"""A restore drill: a backup made while 300 cases run is restored, and each of them is led to its end."""

import asyncio
import logging
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import func, select

from models.common.calendar import utc_now
from models.common.store.held_cases import HeldCases
from models.tables import CaseStatusRow, IssuedContractRow, NoticeRow
from models.yayoi.mails import MailKind
from models.yayoi.messages import Outcome
from models.yayoi.procedures import Stage
from tests.support.running_stack import quiet
from tests.support.stack_cases import Outside
from tests.support.stack_customers import Customer, applied, load_many, statuses
from workers import database
from workers.backup.copies import back_up
from workers.backup.restoring import Copies, restore
from workers.settings import Settings
from workers.stack.stack_settings import alone
from workers.stack.supervisor import Stack

pytestmark = [pytest.mark.stack, pytest.mark.long]

CASES, AT_ONCE = 300, 8
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Crashed:
    """A stack that has ended some time after a backup, which was made while its customers applied."""

    settings: Settings
    backup: Path
    customers: Sequence[Customer]
    backed_up_at: datetime
    crashed_at: datetime


async def all_apply(customers: Iterable[Customer]) -> None:
    turns = asyncio.Semaphore(AT_ONCE)

    async def apply(customer: Customer) -> None:
        async with turns:
            await customer.apply()

    await asyncio.gather(*map(apply, customers))


@pytest_asyncio.fixture(scope="module")
async def crashed(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Crashed]:
    folder = tmp_path_factory.mktemp("drill")
    with tempfile.TemporaryDirectory(prefix="tetsuzuki-") as state_dir:
        settings = alone(Path(state_dir), log_level="WARNING")
        customers = [Customer(number, Outside(settings)) for number in range(CASES)]
        async with Stack(settings, say=quiet) as stack:
            await load_many(stack.settings, folder, CASES)
            applying = asyncio.create_task(all_apply(customers))
            while len(await applied(stack.settings)) < CASES // 2:  # noqa: ASYNC110 rows of another process
                await asyncio.sleep(0.1)
            manifest = await back_up(settings, folder / "backup")
            await applying
        yield Crashed(settings, folder / "backup", customers, manifest.postgres_copied_at, utc_now())


async def test_cases_that_ran_during_the_backup_are_each_led_to_their_end(crashed: Crashed) -> None:
    began = time.monotonic()
    report = await restore(crashed.settings, Copies(crashed.backup, crashed.backup), quiet)
    restored_in = time.monotonic() - began
    assert report.records_until <= crashed.backed_up_at
    async with Stack(crashed.settings, say=quiet) as stack:
        kept = await applied(stack.settings)
        lost = [customer for customer in crashed.customers if customer.application_no not in kept]
        _log.warning(
            "drill: %d of %d applications lost (records until %.1f s before the crash), stores restored in %.1f s",
            *(len(lost), CASES, (crashed.crashed_at - report.records_until).total_seconds(), restored_in),
        )
        assert len(kept) >= CASES // 2
        async with database.opened(stack.settings) as sessions:
            assert set(await HeldCases(sessions).release(None, by="ab", at=utc_now())) <= kept
        # What was lost is sent again by who had sent it, and is another application.
        await all_apply(lost)
        await all_are_at(stack.settings, Stage.SET_UP)
        turns = asyncio.Semaphore(AT_ONCE)

        async def finish(customer: Customer) -> None:
            async with turns:
                await customer.set_up(stack.settings)

        await asyncio.gather(*map(finish, crashed.customers))
        await all_are_at(stack.settings, Stage.CLOSED)
        rows = [row for row in (await statuses(stack.settings)).values() if row.part]
        assert Counter(row.outcome for row in rows) == {Outcome.COMPLETED.value: CASES}
        async with database.opened(stack.settings) as sessions, sessions() as session:
            issued = list(await session.scalars(select(IssuedContractRow.contract_id)))
            notices = select(func.count()).where(NoticeRow.kind == MailKind.COMPLETION_NOTICE)
            sent = await session.scalar(notices.where(NoticeRow.sent_at.is_not(None)))
            assert (len(issued), len(set(issued)), sent) == (CASES, CASES, CASES)


async def all_are_at(settings: Settings, stage: Stage) -> None:
    def elsewhere(rows: Iterable[CaseStatusRow]) -> bool:
        return {row.stage for row in rows if row.part} != {stage.value}

    while elsewhere((await statuses(settings)).values()):  # noqa: ASYNC110 rows of another process
        await asyncio.sleep(0.5)
