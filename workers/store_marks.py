"""Whether the two stores belong together, seen by every process at its start and every minute.

Temporal carries its mark in the memo of a workflow that nobody runs: it is copied with the store, needs no right over
the namespace, and can be read and written while no worker runs. It names no person, and is in clear: it is also read
where the keys are another store's.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as SqlTimeoutError
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.converter import DataConverter
from temporalio.service import RPCError, RPCStatusCode

from models.common.json_text import read_json
from models.common.store.mark_rows import begin_mark, count_on, mark_of_postgres
from models.common.store.sessions import DatabaseSessions
from models.common.store_marks import Fit, StoreMark, fit, is_served
from models.common.temporal_answers import is_unknown_workflow
from workers.program import ClearError

WORKFLOW_ID = TASK_QUEUE = "store-mark"
WORKFLOW_TYPE = "StoreMark"
COUNT_EVERY = timedelta(minutes=5)
LOOK_EVERY = timedelta(minutes=1)
_FIRST_LOOK_WITHIN = 5.0  # seconds
_MEMO = "mark"
_AWAY = (RPCError, DBAPIError, SqlTimeoutError, OSError, TimeoutError, RuntimeError)
"""What is raised where a store does not answer."""
_log = logging.getLogger(__name__)

_WHY = {
    Fit.POSTGRES_OLDER: "Postgres is older than Temporal, or another one",
    Fit.TEMPORAL_OLDER: "Temporal is another one than Postgres was used with, or of an earlier epoch",
    Fit.STRANGERS: "Postgres and Temporal have never been used together",
}


class StoresApartError(ClearError):
    """The two stores do not belong together: nothing may be served."""

    def __init__(self, found: Fit) -> None:
        super().__init__(
            f"{_WHY[found]}: one of them was exchanged or brought back from a copy. Nothing is served, so that no case "
            "gets another's steps. Set the addresses right, or stop everything and run `tetsuzuki restore "
            "--in-place` (docs/backup-and-restore.md)"
        )


async def mark_of_temporal(client: Client) -> StoreMark | None:
    """Return what Temporal carries; None: nothing. Raises `RPCError`."""
    try:
        described = await _plain(client).get_workflow_handle(WORKFLOW_ID).describe()
    except RPCError as error:
        if is_unknown_workflow(error):
            return None
        raise
    return read_mark(await described.memo_value(_MEMO, None))


async def marked_at(client: Client) -> datetime | None:
    """Return when Temporal was given what it carries; None: it carries nothing. Raises `RPCError`."""
    try:
        return (await _plain(client).get_workflow_handle(WORKFLOW_ID).describe()).start_time
    except RPCError as error:
        if is_unknown_workflow(error):
            return None
        raise


def read_mark(memo: Any) -> StoreMark | None:
    """Return what a memo says; None for what is no mark: whoever reaches Temporal's port can write anything there."""
    try:
        epoch, token, mark = read_json(memo)
        return StoreMark(int(epoch), str(token), int(mark))
    except (TypeError, ValueError):
        return None


async def mark_temporal(client: Client, mark: StoreMark) -> None:
    """Have Temporal carry this. Raises `RPCError`."""
    before = await _run_id(client)
    await _plain(client).start_workflow(
        WORKFLOW_TYPE,
        id=WORKFLOW_ID,
        task_queue=TASK_QUEUE,
        id_conflict_policy=WorkflowIDConflictPolicy.TERMINATE_EXISTING,
        memo={_MEMO: json.dumps(mark)},
        static_summary="Which copy of Temporal this is: no worker runs it.",
    )
    if before:  # what was carried before is nobody's
        execution = WorkflowExecution(workflow_id=WORKFLOW_ID, run_id=before)
        request = DeleteWorkflowExecutionRequest(namespace=client.namespace, workflow_execution=execution)
        with suppress(RPCError):
            await client.workflow_service.delete_workflow_execution(request)


async def look(client: Client, sessions: DatabaseSessions) -> Fit:
    """Compare the two. Raises `StoresApartError`, `RPCError` and what a database raises that does not answer."""
    temporal = await mark_of_temporal(client)
    async with sessions() as session:
        postgres = await mark_of_postgres(session)
    found = fit(postgres, temporal)
    if not is_served(found, postgres, temporal):
        raise StoresApartError(found)
    if found is Fit.TEMPORAL_OLDER:
        _log.error("Temporal was rolled back: stop everything and run `tetsuzuki restore --in-place`")
    return found


async def look_patiently(client: Client, sessions: DatabaseSessions) -> None:
    """Look once, and wait for stores that do not answer. Raises `StoresApartError`."""
    while True:
        try:
            await look(client, sessions)
        except _AWAY as error:
            _log.warning("waiting: %s", type(error).__name__)
            await asyncio.sleep(1)
        else:
            return


async def look_first(client: Client, sessions: DatabaseSessions) -> None:
    """Look before anything is served. Raises `StoresApartError`; stores that do not answer are looked at later."""
    with suppress(*_AWAY):
        async with asyncio.timeout(_FIRST_LOOK_WITHIN):
            await look(client, sessions)


async def begin(client: Client, sessions: DatabaseSessions) -> None:
    """See that the two belong together before anything is started, and begin the first epoch. As the schema's owner."""
    await look(client, sessions)
    async with sessions.begin() as session:
        await begin_mark(session)
    await count(client, sessions)


async def count(client: Client, sessions: DatabaseSessions) -> None:
    """Count up once, Postgres first. Raises as `look`."""
    await look(client, sessions)
    if mark := await count_on(sessions, await mark_of_temporal(client)):
        await mark_temporal(client, mark)


async def watch(client: Client, sessions: DatabaseSessions, *, counts: bool = False) -> None:
    """Look every minute for as long as it lasts, and count every five. Raises `StoresApartError`.

    A store that does not answer is no reason to end: whoever needs it waits.
    """
    rounds = 0
    while True:
        try:
            await (count if counts and rounds % (COUNT_EVERY // LOOK_EVERY) == 0 else look)(client, sessions)
        except _AWAY as error:
            _log.warning("whether the stores belong together cannot be known now: %s", type(error).__name__)
        rounds += 1
        await asyncio.sleep(LOOK_EVERY.total_seconds())


async def watched(work: Awaitable[None], client: Client, sessions: DatabaseSessions, *, counts: bool = False) -> None:
    """Do this for as long as the stores belong together. Raises `StoresApartError`, once the work has ended."""
    tasks = [asyncio.ensure_future(work), asyncio.create_task(watch(client, sessions, counts=counts))]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


async def _run_id(client: Client) -> str | None:
    try:
        return (await _plain(client).get_workflow_handle(WORKFLOW_ID).describe()).run_id
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return None


def _plain(client: Client) -> Client:
    return Client(client.service_client, namespace=client.namespace, data_converter=DataConverter.default)
