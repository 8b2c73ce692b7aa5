"""The DBOS side: the sender puts applications into a queue of DBOS; its worker leads them to their notices."""

import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from dbos import DBOSClient

from bench.dbos_worker import APPLICATION, QUEUE, WORKFLOW, database_url
from bench.other_processes import running
from bench.ours import Ours, form
from bench.reading import last_notice_sent, wait_until_thawed


class Dbos:
    """The DBOS side, on the Postgres server, the database and the inbox of our stack."""

    def __init__(self, ours: Ours, worker: int, client: DBOSClient) -> None:
        parts = ours.stack.processes
        self.processes: Mapping[str, int] = {"postgres": parts["postgres"], "worker": worker, "sender": os.getpid()}
        self._sessions = ours.sessions
        self._client = client

    async def start(self, number: int) -> str:
        """Enqueue this customer's form; gives the workflow's id."""
        handle = await self._client.enqueue_async({"queue_name": QUEUE, "workflow_name": WORKFLOW}, form(number))
        return str(handle.get_workflow_id())

    async def wait_for_rest(self, cases: Sequence[str], since: datetime) -> None:
        await wait_until_thawed(self._sessions, len(cases), since)

    async def last_notice(self, cases: Sequence[str]) -> datetime:  # noqa: ARG002 no other side is at work
        return await last_notice_sent(self._sessions)


@asynccontextmanager
async def dbos_side(ours: Ours) -> AsyncIterator[Dbos]:
    """One worker process of DBOS, on our stack's Postgres."""
    async with running("bench.dbos_worker", ours.settings) as worker:
        client = DBOSClient(system_database_url=database_url(ours.settings), application_name=APPLICATION, lazy=True)
        try:
            yield Dbos(ours, worker, client)
        finally:
            client.destroy()
