"""Somebody is erased on a whole stack while their case is still asked for; then every process starts anew."""

import asyncio
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowQueryFailedError, WorkflowUpdateFailedError
from temporalio.service import RPCError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from models.backoffice.erasing_persons import ErasureStep
from models.backoffice.store.erasures import ErasureRequests
from models.common.audit_export import verify_export
from models.common.signing_keys import KeyPurpose, PrivateKey
from models.common.store.public_keys import known_keys
from models.common.task_queues import erasing_queue
from models.yayoi.identifiers import ApplicationNo, application_workflow_id, office_workflow_id
from models.yayoi.operator_actions import Action
from models.yayoi.procedures import Stage
from tests.support.encryption import decrypt
from tests.support.environment import OFFICE_B, OFFICE_C
from tests.support.listening import Listening, at_the_port, beat
from tests.support.scanning import found_in, sqlite_content, tables_content
from tests.support.signing import SATO
from tests.support.stack_cases import Case, Outside, load_examples
from web.backoffice.audit_exports import AuditExports
from web.backoffice.erasure_starter import ErasureWorkflows, begin_what_is_asked_for
from web.common.operation_sender import Done
from workers import database, temporal
from workers.case_keys import opened_keys
from workers.codec import CaseCodec
from workers.histories import Histories
from workers.known_keys import private_key_for
from workers.settings import Settings
from workers.stack.places import Places
from workers.stack.stack_settings import alone
from workers.stack.supervisor import Stack
from workers.wiring.operations import operations_by_operators

HER, HIS = str(OFFICE_C[0]), str(OFFICE_B[0])


async def cancelled(settings: Settings) -> ApplicationNo:
    """Lead a case with two people's Yayoi IDs to its end, with her address in what operators wrote."""
    outside = Outside(settings)
    await load_examples(settings)
    number = await outside.apply(OFFICE_C, OFFICE_B)
    case = Case(settings, outside, number)
    await case.rests_at(1, Stage.SHARING)
    await case.rests_at(2, Stage.SET_UP)
    async with temporal.opened(settings) as client, database.opened(settings) as sessions:
        operations = operations_by_operators(settings, client, sessions)
        for part in (1, 2):
            said = {"reason": f"{HER} からのお電話"}
            done = await operations.send(office_workflow_id(number, part), Action.CANCEL, said, SATO, str(uuid4()))
            assert isinstance(done, Done), done
    await case.result()
    return number


async def history_of(client: Client, *workflow_ids: str) -> list[HistoryEvent]:
    """As it lies in Temporal, and in whatever copy of it somebody has kept."""
    raw = at_the_port(client)
    return [
        event
        for workflow_id in workflow_ids
        for event in (await raw.get_workflow_handle(workflow_id).fetch_history()).events
    ]


async def erased(settings: Settings, client: Client) -> None:
    async with database.opened(settings) as sessions:
        requests = ErasureRequests(sessions, lambda: None)
        workflows = ErasureWorkflows(client, erasing_queue(settings.temporal_task_queue))
        step = ErasureStep(request_id=uuid4())
        await requests.ask(step.request_id, [HER], "tn")
        await begin_what_is_asked_for(requests, workflows)
        await client.get_workflow_handle(step.looking_id).result()
        await requests.approve(step.request_id, "fj")
        await begin_what_is_asked_for(requests, workflows)
        await client.get_workflow_handle(step.erasing_id).result()


async def asked_all_the_while(client: Client, number: ApplicationNo, late: Any, over: asyncio.Event) -> int:
    """Query and update her case, and say her address to what still runs under its key, until that is gone."""
    refused = 0
    office = client.get_workflow_handle(office_workflow_id(number, 1))
    while not over.is_set():
        for call in (
            partial(office.query, "progress"),
            partial(office.execute_update, Action.ADD_NOTE, {"reason": HER}),
            partial(late.execute_update, Listening.say, HER),
        ):
            try:
                async with asyncio.timeout(5):
                    await call()
            except (RPCError, WorkflowQueryFailedError, WorkflowUpdateFailedError, TimeoutError):
                refused += 1
    return refused


async def read_by(settings: Settings, events: list[HistoryEvent]) -> bytes:
    """Return what who has every key that is left reads in these."""
    async with opened_keys(settings) as keys:
        read = b""
        for event in events:
            own = HistoryEvent.FromString(event.SerializeToString())
            await decrypt(own, CaseCodec(keys, "default"))
            read += own.SerializeToString()
    return read


@pytest.mark.stack
@pytest.mark.long
async def test_nobody_reads_anything_of_hers_and_his_is_whole(state_dir: Path) -> None:
    places, over = Places(state_dir), asyncio.Event()
    async with Stack(alone(state_dir)) as stack, asyncio.timeout(280):
        settings = stack.settings
        number = await cancelled(settings)
        async with temporal.opened(settings) as client:
            ids = [application_workflow_id(number), *(office_workflow_id(number, part) for part in (1, 2))]
            queue = f"late-{uuid4()}"
            own: dict[str, Any] = {
                "workflows": [Listening],
                "activities": [beat],
                "workflow_runner": UnsandboxedWorkflowRunner(),
            }
            async with Worker(client, task_queue=queue, **own):
                late_id = f"{ids[0]}/late"
                late = await client.start_workflow(Listening.run, HER, id=late_id, task_queue=queue)
                await late.execute_update(Listening.say, HER)
                before = await history_of(client, *ids, late_id)
                assert HER in found_in(await read_by(settings, before), [HER])
                calls = asyncio.create_task(asked_all_the_while(client, number, late, over))
                await erased(settings, client)
                for workflow_id in (*ids, late_id):
                    with suppress(RPCError):
                        while True:
                            before += await history_of(client, workflow_id)
                            await asyncio.sleep(0.5)
                over.set()
                assert await calls > 0

    async with Stack(alone(state_dir)) as stack, asyncio.timeout(280):  # every process has forgotten what it knew
        settings = stack.settings
        assert found_in(await read_by(settings, before), [HER, HIS]) == set()
        tables = await tables_content(settings)
        assert {name for name, content in tables.items() if found_in(content, [HER])} == set()
        assert {name for name, content in tables.items() if found_in(content, [HIS])} >= {
            "application_offices",
            "yayoi_ids",
        }
        async with temporal.opened(settings) as client, database.opened(settings) as sessions:

            async def key() -> PrivateKey:
                return await private_key_for(settings, sessions, KeyPurpose.AUDIT)

            document = await AuditExports(sessions, key, Histories(client)).export(number)
            assert document is not None
            async with sessions() as session:
                found = verify_export(document.encode(), await known_keys(session))
        assert found.wrong == []
        assert {each.partition(",")[0] for each in found.erased} == {"part 1", "part 2"}
        assert found_in(document.encode(), [HER, HIS]) == {HIS}
    assert found_in(sqlite_content(places.temporal), [HER]) == set()
    for log in places.logs.iterdir():
        assert found_in(log.read_bytes(), [HER]) == set(), log.name
