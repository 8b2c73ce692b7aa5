"""The master key is changed while cases run and receive updates; then the old one is gone, and every case goes on."""

import asyncio
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.testing import WorkflowEnvironment

from models.common.encryption import MasterKey
from models.common.store.case_keys import keys_by_master, make_case_key
from tests.support.encryption import MASTER, MASTER_KEY, GivenMasterKeys
from tests.support.listening import Listening, listening
from workers import case_keys
from workers.commands import master_key_changes
from workers.master_keys import MasterKeys, master_key_file
from workers.settings import Settings

Sessions = async_sessionmaker[AsyncSession]
_AT_ONCE = 20


@pytest.mark.parametrize("count", [6, pytest.param(1000, marks=pytest.mark.long)])
async def test_open_cases_receive_updates_while_the_master_key_is_changed_and_go_on_without_the_old_one(
    sessions: Sessions, temporal: WorkflowEnvironment, database_url: str, tmp_path: Path, count: int
) -> None:
    settings = Settings(database_url=database_url, state_dir=tmp_path / "state")
    new, queue = MasterKey.new(), f"test-{uuid4()}"
    running = GivenMasterKeys(MASTER_KEY)
    owners = [f"listening/{uuid4()}" for _ in range(count)]
    turns = asyncio.Semaphore(_AT_ONCE)
    async with sessions.begin() as session:
        for owner in owners:
            await make_case_key(session, owner)

    async def say(procedure_id: str, said: str) -> None:
        async with turns:
            await client.get_workflow_handle(procedure_id).execute_update(Listening.say, said)

    async def start(owner: str) -> None:
        async with turns:
            await client.start_workflow(Listening.run, "before", id=owner, task_queue=queue)

    async def all_said(owner: str) -> frozenset[str]:
        async with turns:
            procedure = client.get_workflow_handle(owner, result_type=list[str])
            await procedure.execute_update(Listening.end)
            return frozenset(await procedure.result())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(case_keys, "_CLOSED_FOR", 0.02)
        async with listening(sessions, temporal, masters=MasterKeys(running), task_queue=queue) as process:
            client = process.client
            await asyncio.gather(*map(start, owners))
            saying = [asyncio.create_task(say(owner, "while it is changed")) for owner in owners]
            running.keys.insert(0, new)  # the process sees it at its next look, or with the first key wrapped by it
            process.keys.keys._kept.clear()
            lines = [f"{key.key_id} {key.reveal().hex()}" for key in (new, MASTER_KEY)]
            master_key_file(settings).write(lines)
            await master_key_changes.rewrap(settings)
            process.keys.keys._kept.clear()
            await asyncio.gather(*saying)
            async with sessions() as session:
                assert (await keys_by_master(session)).keys() == {new.key_id}

    async with listening(sessions, temporal, masters=MasterKeys(GivenMasterKeys(new)), task_queue=queue) as anew:
        client = anew.client
        await asyncio.gather(*(say(owner, "with the new one alone") for owner in owners))
        said = await asyncio.gather(*map(all_said, owners))
        assert set(said) == {frozenset({"before", "while it is changed", "with the new one alone"})}
    assert (await MASTER.ring()).ids == [MASTER_KEY.key_id]
