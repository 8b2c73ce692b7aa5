"""`python -m bench.clients`: a file of 10,000 clients, the worker killed in the middle, and every row once."""

import argparse
import asyncio
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from rich.console import Console
from rich.table import Table
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.client import Client

from models.myics.accounts import AccountKind, AccountState
from models.myics.batches import BatchKind, BatchProgress
from models.myics.identifiers import BatchNo, CustomerNo, HolderNo, registration_workflow_id
from models.myics.store.batches import Batches
from models.myics.store.sign_in import Member
from models.tables import MyicsAccountRow, MyicsBatchLineRow, MyicsClientRow, MyicsFirmRow
from workers import database, temporal
from workers.program import ClearError, run
from workers.stack.stack_settings import alone
from workers.stack.supervisor import Stack

FIRM = CustomerNo("1000200301")
_LOOK_AGAIN_AFTER = 0.1  # seconds


@dataclass(frozen=True)
class Measured:
    """What was measured; times in seconds."""

    rows: int
    stored: float
    processed: float
    killed_at: int | None
    """After how many rows the worker was killed."""
    runs: int
    events: int
    """Of all runs."""
    longest: int
    """Events of the longest run."""


async def bench(rows: int, *, kill: bool) -> None:
    with tempfile.TemporaryDirectory(prefix="tetsuzuki-bench-") as folder:
        async with (
            Stack(alone(Path(folder))) as stack,
            database.opened(stack.settings) as sessions,
            temporal.opened(stack.settings) as client,
        ):
            manager = await _manager(sessions)
            lines = "".join(f"{number:04},顧問先{number}\n" for number in range(rows))
            start = time.monotonic()
            number = await Batches(sessions, _nobody).take(
                manager, BatchKind.CLIENTS, f"顧問先ID下4桁,顧問先名称\n{lines}".encode(), uuid4()
            )
            stored = time.monotonic() - start
            killed_at = await _kill_in_the_middle(stack, sessions, rows) if kill else None
            await _finished(sessions, number, rows)
            processed = time.monotonic() - start
            runs = await _runs(client, number)
            await _check(sessions, rows)
    show(Measured(rows, stored, processed, killed_at, len(runs), sum(runs), max(runs)))


async def _manager(sessions: async_sessionmaker[AsyncSession]) -> Member:
    async with sessions.begin() as session:
        session.add(MyicsFirmRow(customer_no=FIRM, name="青葉会計事務所"))
        await session.flush()
        account = MyicsAccountRow(
            holder_no=FIRM,
            customer_no=FIRM,
            registration_no="MR-000000",
            address="ichiro@aoba-kaikei.example.jp",
            name="青葉 一郎",
            kind=AccountKind.ADMINISTRATOR,
            state=AccountState.REGISTERED,
        )
        session.add(account)
    return Member(account.account_id, HolderNo(FIRM), account.name, AccountKind.ADMINISTRATOR)


async def _kill_in_the_middle(stack: Stack, sessions: async_sessionmaker[AsyncSession], rows: int) -> int:
    while (done := await _done(sessions)) < rows // 2:  # noqa: ASYNC110 another process works
        await asyncio.sleep(_LOOK_AGAIN_AFTER)
    stack.kill("worker")
    await stack.back("worker")
    return done


async def _finished(sessions: async_sessionmaker[AsyncSession], number: BatchNo, rows: int) -> None:
    batches = Batches(sessions, _nobody)
    while not (await batches.status(None, number)).finished:  # noqa: ASYNC110 another process works
        await asyncio.sleep(_LOOK_AGAIN_AFTER)
    status = await batches.status(None, number)
    if (status.done, status.refused) != (rows, 0):
        raise ClearError(f"{status.done} of {rows} rows were done, {status.refused} refused")


async def _done(sessions: async_sessionmaker[AsyncSession]) -> int:
    async with sessions() as session:
        return await session.scalar(select(func.count(MyicsBatchLineRow.done_at))) or 0


async def _runs(client: Client, number: BatchNo) -> list[int]:
    """Return the events of every run: each has gone on as the next one."""
    workflow_id = registration_workflow_id(number)
    await client.get_workflow_handle(workflow_id, result_type=BatchProgress).result()
    found: list[int] = []
    while not found or found[-1] == 0:
        found = [each.history_length async for each in client.list_workflows(f"WorkflowId = '{workflow_id}'")]
        await asyncio.sleep(_LOOK_AGAIN_AFTER)
    return found


async def _check(sessions: async_sessionmaker[AsyncSession], rows: int) -> None:
    async with sessions() as session:
        found = list(await session.scalars(select(MyicsClientRow.client_id).order_by(MyicsClientRow.client_id)))
    if found != [f"{FIRM}{number:04}" for number in range(rows)]:
        raise ClearError(f"{rows} rows have become {len(found)} clients: some were lost or doubled")


def _nobody() -> None:
    """The stack's web looks for what was stored."""


def show(measured: Measured) -> None:
    table = Table(title=f"A file of {measured.rows} clients")
    table.add_column("")
    table.add_column("", justify="right")
    table.add_row("stored after", f"{measured.stored:.1f} s")
    table.add_row("all processed after", f"{measured.processed:.1f} s")
    table.add_row("rows per second", f"{measured.rows / measured.processed:.0f}")
    table.add_row("worker killed after", "not killed" if measured.killed_at is None else f"{measured.killed_at} rows")
    table.add_row("runs of the workflow", str(measured.runs))
    table.add_row("history events: all runs, the longest", f"{measured.events}, {measured.longest}")
    table.add_row("rows lost or doubled", "0")
    Console(width=100).print(table)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.clients", description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000, help="how many clients, at most 10000 (10000)")
    parser.add_argument("--no-kill", action="store_true", help="let the worker live")
    arguments = parser.parse_args()
    if not 1 <= arguments.rows <= 10_000:  # noqa: PLR2004 what 4 digits can distinguish
        parser.error("a firm has between 1 and 10,000 clients")
    return run(bench(arguments.rows, kill=not arguments.no_kill))


if __name__ == "__main__":
    raise SystemExit(main())
