"""Twenty `kill -9` while files of firms come in: every representative is invited, once, and no row is lost (M1, M8)."""

import asyncio
from collections import Counter
from email import message_from_bytes, policy
from email.message import EmailMessage
from itertools import cycle, islice
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from models.common.actors import Actor, ActorKind, Channel
from models.common.table_files import write_table
from models.myics.batches import BatchKind
from models.myics.store.batches import Batches
from models.tables import MyicsBatchRow, MyicsRegistrationRow, NoticeRow
from workers import database
from workers.settings import Settings
from workers.stack.places import Places
from workers.stack.stack_settings import alone
from workers.stack.supervisor import Stack

FILES, FIRMS = 5, 20
KILLS = 20
PARTS = ("worker", "temporal", "postgres", "web", "inbox")
ALL = FILES * FIRMS
OPERATOR = Actor(ActorKind.COMMAND, "uid-0", channel=Channel.COMMAND)

pytestmark = [pytest.mark.stack, pytest.mark.long]


def address(number: int) -> str:
    return f"daihyo-{number}@kaikei.example.jp"


def table(file: int) -> bytes:
    numbers = range(file * FIRMS, (file + 1) * FIRMS)
    rows = [[f"{1000300000 + each}", f"第{each}会計事務所", "青葉 一郎", address(each)] for each in numbers]
    return write_table(list(BatchKind.FIRMS.columns), rows)


@pytest.mark.robustness("what trouble leaves")
async def test_files_that_come_in_while_parts_are_killed_invite_everybody_once(state_dir: Path) -> None:
    async with Stack(alone(state_dir), say=lambda _: None) as stack:
        submissions = [uuid4() for _ in range(FILES)]

        async def send(file: int) -> None:
            """Send a file again and again, under its own id, until it is taken; and once more, as people do."""
            taken = 0
            while taken < 2:
                try:
                    async with database.opened(stack.settings) as sessions:
                        await Batches(sessions, lambda: None).take(
                            OPERATOR, BatchKind.FIRMS, table(file), submissions[file]
                        )
                except Exception:  # noqa: BLE001 whatever comes of a database that was killed
                    await asyncio.sleep(0.2)
                else:
                    taken += 1

        async def kill() -> None:
            for part in islice(cycle(PARTS), KILLS):
                stack.kill(part)
                await stack.back(part)

        await asyncio.gather(*map(send, range(FILES)), kill())
        await _all_are_invited(stack.settings)
        async with database.opened(stack.settings) as sessions, sessions() as session:
            assert await session.scalar(select(func.count()).select_from(MyicsBatchRow)) == FILES
            registrations = (await session.scalars(select(MyicsRegistrationRow))).all()
        assert Counter(row.address for row in registrations) == Counter(map(address, range(ALL)))
        mails = await asyncio.to_thread(_mails, Places(state_dir).mail)
        by_id = {mail["Message-ID"]: mail for mail in mails}  # one whose answer was lost is sent again, under its id
        assert Counter(mail["To"] for mail in by_id.values()) == Counter(map(address, range(ALL)))


def _mails(folder: Path) -> list[EmailMessage]:
    return [message_from_bytes(file.read_bytes(), policy=policy.default) for file in sorted(folder.glob("*.eml"))]


async def _all_are_invited(settings: Settings) -> None:
    sent = select(func.count()).where(NoticeRow.recipient.like("daihyo-%"), NoticeRow.sent_at.is_not(None))
    async with database.opened(settings) as sessions:
        while True:
            async with sessions() as session:
                if await session.scalar(sent) == ALL:
                    return
            await asyncio.sleep(1)
