"""One batch of applications, from the first request until every case waits after its completion notice."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar
from uuid import uuid4

import httpx
import psutil
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.client import Client

from bench.registry import contract, token, yayoi_id
from models.tables import NoticeRow
from models.yayoi.identifiers import ApplicationNo, application_workflow_id, office_workflow_id
from models.yayoi.mails import MailKind
from workers.stack.supervisor import Stack

AT_ONCE = 20
"""Requests that run at the same time."""
_LOOK_AGAIN_AFTER = 0.2  # seconds
_STATISTICS_COME_WITHIN = 2.0  # seconds: Postgres' processes report once a second

Item = TypeVar("Item")
Found = TypeVar("Found")


@dataclass(frozen=True)
class Batch:
    """What was measured; times in seconds, all else per office."""

    applications: int
    accepted: float
    notified: float
    transactions: float
    office_events: float
    application_events: float
    cpu: dict[str, float]
    """CPU seconds of each part until the last notice."""
    cpu_seconds: float
    """How many there were."""

    @property
    def per_second(self) -> float:
        return self.applications / self.notified


async def measure(
    stack: Stack,
    sessions: async_sessionmaker[AsyncSession],
    client: Client,
    numbers: Sequence[int],
    extra_workers: Sequence[int] = (),
) -> Batch:
    """Submit one application for each of these customers."""
    pids = {name: [pid] for name, pid in stack.processes.items()}
    pids["worker"] += extra_workers
    pids["bench"] = [os.getpid()]
    database = _Database(sessions)
    sent_before = await database.notices_sent()
    commits_before = await database.commits()
    cpu_before = {name: _cpu(of) for name, of in pids.items()}
    start = time.monotonic()
    web = f"http://127.0.0.1:{stack.settings.web_port}"
    async with httpx.AsyncClient(base_url=web, timeout=60, trust_env=False) as http:
        cases = await _at_once(numbers, lambda number: _submit(http, number))
    accepted = time.monotonic() - start
    while await database.notices_sent() < sent_before + len(cases):  # noqa: ASYNC110 other processes send
        await asyncio.sleep(_LOOK_AGAIN_AFTER)
    notified = time.monotonic() - start
    cpu = {name: _cpu(of) - cpu_before[name] for name, of in pids.items()}
    await _all_idle(client, cases)
    commits = await database.commits() - commits_before
    applications = await _at_once(cases, lambda case: _events(client, application_workflow_id(case)))
    offices = await _at_once(cases, lambda case: _events(client, office_workflow_id(case, 1)))
    return Batch(
        applications=len(cases),
        accepted=accepted,
        notified=notified,
        transactions=commits / len(cases),
        office_events=sum(offices) / len(cases),
        application_events=sum(applications) / len(cases),
        cpu=cpu,
        cpu_seconds=notified * (os.cpu_count() or 1),
    )


async def _submit(http: httpx.AsyncClient, number: int) -> ApplicationNo:
    form = {
        "submission_id": str(uuid4()),
        "applicant": {"family_name": "弥生", "given_name": "太郎"},
        "existing_contract_id": contract(number),
        "accounting_link": True,
        "network_product": True,
        "offices": [
            {
                "yayoi_id": yayoi_id(number),
                "yayoi_id_confirmation": yayoi_id(number),
                "office_token": token(number),
            }
        ],
        "consents": {"stop_smart_import": True, "relink_required": True},
    }
    response = await http.post("/api/applications", json=form)
    response.raise_for_status()
    return ApplicationNo(response.json()["application_no"])


class _Database:
    """Looks into the application's database, and counts how often, so that looking is not counted."""

    def __init__(self, sessions: async_sessionmaker[AsyncSession]) -> None:
        self._sessions = sessions
        self._looks = 0

    async def notices_sent(self) -> int:
        self._looks += 1
        async with self._sessions.begin() as session:
            sent = select(func.count()).where(
                NoticeRow.kind == MailKind.COMPLETION_NOTICE, NoticeRow.sent_at.is_not(None)
            )
            return await session.scalar(sent) or 0

    async def commits(self) -> int:
        """Commits so far without our own looks, when Postgres' statistics no longer change."""
        before = -1
        while before != (found := await self._counted() - self._looks):
            before = found
            await asyncio.sleep(_STATISTICS_COME_WITHIN)
        return found

    async def _counted(self) -> int:
        async with self._sessions.begin() as session:
            counted = text("select xact_commit from pg_stat_database where datname = current_database()")
            found = int((await session.execute(counted)).scalar_one())
        self._looks += 1  # counted from the next time on
        return found


async def _all_idle(client: Client, cases: Sequence[ApplicationNo]) -> None:
    """Wait until no case has an activity or a workflow task to run."""

    async def idle(case: ApplicationNo) -> None:
        for workflow_id in (application_workflow_id(case), office_workflow_id(case, 1)):
            while True:
                found = (await client.get_workflow_handle(workflow_id).describe()).raw_description
                if not found.pending_activities and not found.HasField("pending_workflow_task"):
                    break
                await asyncio.sleep(_LOOK_AGAIN_AFTER)

    await _at_once(cases, idle)


async def _events(client: Client, workflow_id: str) -> int:
    return (await client.get_workflow_handle(workflow_id).describe()).history_length


def _cpu(pids: Sequence[int]) -> float:
    """CPU seconds of these processes and what they have started, ended or not (Postgres: a process per connection)."""
    total = 0.0
    for pid in pids:
        process = psutil.Process(pid)
        for one in [process] if pid == os.getpid() else [process, *process.children(recursive=True)]:
            try:
                times = one.cpu_times()
            except psutil.NoSuchProcess:
                continue
            total += times.user + times.system + times.children_user + times.children_system
    return total


async def _at_once(items: Sequence[Item], do: Callable[[Item], Awaitable[Found]]) -> list[Found]:
    limit = asyncio.Semaphore(AT_ONCE)

    async def one(item: Item) -> Found:
        async with limit:
            return await do(item)

    return list(await asyncio.gather(*map(one, items)))
