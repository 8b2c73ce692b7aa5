"""Many cases at once, each of another customer, and what must be so of all of them whatever was killed meanwhile."""

import asyncio
from collections import Counter
from collections.abc import Sequence

from sqlalchemy import func, select

from bench.batch import at_once
from bench.registry import contract, token, yayoi_id
from models.tables import IssuedContractRow, LedgerRow, NoticeRow, OfficeRow
from models.yayoi.identifiers import ApplicationNo
from models.yayoi.procedures import Stage
from tests.support.stack_cases import NOTICE, Case, Outside
from workers import database
from workers.settings import Settings


async def apply_as(outside: Outside, number: int) -> ApplicationNo:
    """Send the form of the customer with this number, until it is taken."""
    return await outside.apply((yayoi_id(number), token(number)), contract_id=contract(number))


async def nothing_is_lost_and_nothing_is_doubled(
    settings: Settings, outside: Outside, numbers: Sequence[ApplicationNo]
) -> int:
    """Wait until every case rests after its notice; look at each. Return how many notices came more than once.

    `numbers`: of all cases that there are, of the customers from 0 on. A notice may come twice, with one Message-ID.
    """
    count = len(numbers)
    await _all_are_notified(settings, count)
    assert len(set(numbers)) == count
    cases = [Case(settings, outside, number) for number in numbers]
    await at_once(cases, lambda case: case.rests_at(1, Stage.SET_UP))
    await at_once(cases, lambda case: case.status_rows_say_what_the_procedures_are(1), limit=4)
    async with database.opened(settings) as sessions, sessions() as session:
        issued = (await session.scalars(select(IssuedContractRow))).all()
        assert Counter(row.application_no for row in issued) == Counter(numbers)
        ids = sorted(int(row.contract_id) for row in issued)
        assert ids == list(range(ids[0], ids[0] + count))
        frozen = select(func.count()).where(OfficeRow.frozen_by.is_not(None))
        assert await session.scalar(frozen) == 0
        keys = await session.scalars(select(LedgerRow.key))
        steps = Counter(key.split(":", 2)[2] for key in keys)
        assert {"issue", "freeze", "thaw"} <= steps.keys()
        assert set(steps.values()) == {count}
    sent = await asyncio.to_thread(outside.all_notices)
    once = {mail["Message-ID"]: mail for mail in sent}
    assert Counter(mail["To"] for mail in once.values()) == Counter(yayoi_id(number) for number in range(count))
    return len(sent) - len(once)


async def _all_are_notified(settings: Settings, count: int) -> None:
    sent = select(func.count()).where(NoticeRow.kind == NOTICE, NoticeRow.sent_at.is_not(None))
    async with database.opened(settings) as sessions:
        while True:
            async with sessions() as session:
                if await session.scalar(sent) == count:
                    return
            await asyncio.sleep(1)
