"""A small workflow that listens, on a worker whose keys can be away; and whoever is at Temporal's port."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio import activity, workflow
from temporalio.client import Client, WorkflowHandle
from temporalio.converter import DataConverter
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from models.common.encryption import HOUSE
from models.common.store.case_keys import forget_key, make_case_key
from tests.support.encryption import MASTER
from tests.support.switched_keys import SwitchedKeys, switched_keys
from workers.master_keys import MasterKeys

Sessions = async_sessionmaker[AsyncSession]
ENDED = "application/YS-999998"
"""A case whose key was erased."""


@activity.defn
async def beat(said: str) -> str:
    """Heartbeat with what was said, fail once, and return what the first try has said."""
    if before := activity.info().heartbeat_details:
        return str(before[0])
    for _ in range(3):
        activity.heartbeat(said)
        await asyncio.sleep(0.05)
    raise RuntimeError("tried once")


@workflow.defn
class Listening:
    def __init__(self) -> None:
        self._said: list[str] = []
        self._ends = False

    @workflow.run
    async def run(self, said: str) -> list[str]:
        beaten = await workflow.execute_activity(
            beat, said, start_to_close_timeout=timedelta(minutes=5), heartbeat_timeout=timedelta(minutes=1)
        )
        self._said.append(beaten)
        await workflow.wait_condition(lambda: self._ends)
        return self._said

    @workflow.signal
    def note(self, said: str) -> None:
        self._said.append(said)

    @workflow.update
    def say(self, said: str) -> str:
        self._said.append(said)
        return said

    @workflow.query
    def all_said(self) -> list[str]:
        return self._said

    @workflow.update
    def end(self) -> None:
        self._ends = True


@dataclass
class Listener:
    keys: SwitchedKeys
    client: Client
    raw: Client
    """Whoever is at Temporal's port."""
    task_queue: str
    owner: str

    async def start(self, part: str = "") -> WorkflowHandle[Any, Any]:
        return await self.client.start_workflow(
            Listening.run, "弥生 太郎", id=self.owner + part, task_queue=self.task_queue
        )


def at_the_port(client: Client) -> Client:
    """Return a client without keys and signatures, as anybody has."""
    config = client.config()
    config["data_converter"], config["interceptors"] = DataConverter.default, []
    return Client(**config)


@asynccontextmanager
async def listening(
    sessions: Sessions,
    temporal: WorkflowEnvironment,
    *,
    cached: int = 100,
    masters: MasterKeys = MASTER,
    task_queue: str | None = None,
) -> AsyncIterator[Listener]:
    """Run one process: nothing is in its memory when it begins."""
    owner, queue = f"listening/{uuid4()}", task_queue or f"test-{uuid4()}"
    async with sessions.begin() as session:
        for each in (owner, ENDED, HOUSE):
            await make_case_key(session, each)
        await forget_key(session, ENDED)
    raw = at_the_port(temporal.client)
    async with switched_keys(sessions, masters) as keys:
        client = keys.client(raw)
        async with Worker(
            client,
            task_queue=queue,
            workflows=[Listening],
            activities=[beat],
            workflow_runner=UnsandboxedWorkflowRunner(),
            max_cached_workflows=cached,
        ):
            yield Listener(keys, client, raw, queue, owner)
