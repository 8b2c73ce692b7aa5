"""Our side: applications go in by `POST /api/applications` on a stack as `make up` starts it."""

import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import httpx
from temporalio.client import Client

from bench.reading import last_notice_sent, wait_until_resting, wait_until_thawed
from bench.registry import contract, load_customers, token, yayoi_id
from models.common.store.sessions import DatabaseSessions
from models.yayoi.procedures import Stage
from workers import database, temporal
from workers.stack.stack_settings import alone
from workers.stack.supervisor import Stack


class Ours:
    """Our side, on one stack with customers of its own."""

    def __init__(self, stack: Stack, sessions: DatabaseSessions, client: Client, http: httpx.AsyncClient) -> None:
        self.stack = stack
        self.settings = stack.settings
        self.sessions = sessions
        self.client = client
        self.http = http

    @property
    def temporal_processes(self) -> Mapping[str, int]:
        """Those of the Temporal server."""
        return {"temporal": self.stack.processes["temporal"]}

    @property
    def processes(self) -> Mapping[str, int]:
        return {**self.stack.processes, **self.temporal_processes, "sender": os.getpid()}

    async def start(self, number: int) -> str:
        """Send the form of this customer; gives the application's number."""
        response = await self.http.post("/api/applications", json=form(number))
        response.raise_for_status()
        return str(response.json()["application_no"])

    async def wait_for_rest(self, cases: Sequence[str], since: datetime) -> None:
        await wait_until_thawed(self.sessions, len(cases), since)
        await wait_until_resting(self.client, self.settings.temporal_task_queue, Stage.SET_UP, len(cases), since)

    async def last_notice(self, cases: Sequence[str]) -> datetime:  # noqa: ARG002 no other side is at work
        return await last_notice_sent(self.sessions)


@asynccontextmanager
async def our_stack(customers: int, **settings: Any) -> AsyncIterator[Ours]:
    """A new stack in a folder of its own, with so many customers who can apply, from number 0; `settings`: its own."""
    with TemporaryDirectory(prefix="tetsuzuki-bench-") as folder:
        async with (
            Stack(alone(Path(folder), **settings)) as stack,
            database.opened(stack.settings) as sessions,
            temporal.opened(stack.settings) as client,
        ):
            await load_customers(sessions, Path(folder), customers)
            web = f"http://127.0.0.1:{stack.settings.web_port}"
            async with httpx.AsyncClient(base_url=web, timeout=120, trust_env=False) as http:
                yield Ours(stack, sessions, client, http)


def form(number: int) -> dict[str, Any]:
    """What this customer sends: one office, linked, a network product."""
    return {
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
