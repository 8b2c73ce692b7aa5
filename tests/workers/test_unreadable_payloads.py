"""What nobody can decrypt, and keys that are away: no workflow fails or stays stuck."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.api.common.v1 import Payload
from temporalio.client import WorkflowHandle, WorkflowQueryFailedError, WorkflowUpdateFailedError
from temporalio.common import RawValue
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from models.common.encryption import HOUSE, CaseKey, new_key
from models.common.store.case_keys import forget_key
from models.yayoi.operator_actions import Action
from models.yayoi.procedures import Stage
from tests.support.encryption import KEYS_OF_TESTS, decrypt
from tests.support.environment import OFFICE_C, Environment, at_rest, form
from tests.support.listening import ENDED, Listener, Listening, at_the_port, listening
from workers.codec import ENCODING, KEY_ID, CaseCodec, FindsKeys

Sessions = async_sessionmaker[AsyncSession]
NOT_TO_BE_READ = KeyError
"""What a client without keys raises for an encrypted answer."""


@pytest_asyncio.fixture(params=[100, pytest.param(0, marks=pytest.mark.long)], ids=["cached", "uncached"])
async def listener(
    sessions: Sessions, temporal: WorkflowEnvironment, request: pytest.FixtureRequest
) -> AsyncIterator[Listener]:
    async with listening(sessions, temporal, cached=request.param) as listener:
        yield listener


async def garbage(owner: str, keys: FindsKeys = KEYS_OF_TESTS) -> dict[str, Payload]:
    def forged(key_id: bytes, content: bytes = b"\x07" * 60) -> Payload:
        return Payload(metadata={"encoding": ENCODING, KEY_ID: key_id}, data=content)

    codec = CaseCodec(keys, "default", owner)
    [copied] = await codec.encode([Payload(metadata={"encoding": b"json/plain"}, data=b'{"case_no": "YS-000001"}')])
    another = CaseKey(owner, new_key()).encrypt("default", Payload(data=b'"x"').SerializeToString())
    return {
        "an unknown key": forged(b"application/YS-999999"),
        "an erased key": forged(ENDED.encode()),
        "its own key, forged": forged(owner.encode(), another),
        "its own key, for something else": copied,
        "the house's key": forged(HOUSE.encode()),
        "no key id": Payload(metadata={"encoding": ENCODING}, data=b""),
        "a key id that no store can hold": forged(b"a\0b\xff"),
        "an unknown encoding": Payload(metadata={"encoding": b"binary/odd"}, data=b"x"),
        "nothing": Payload(),
    }


async def test_what_nobody_can_decrypt_is_dropped_or_refused_and_the_case_goes_on(listener: Listener) -> None:
    ours = await listener.start()
    theirs = listener.raw.get_workflow_handle(ours.id)
    sent = await garbage(listener.owner, listener.keys)
    for name, payload in sent.items():
        await theirs.signal("note", RawValue(payload))
        with pytest.raises(WorkflowUpdateFailedError):
            await theirs.execute_update("say", RawValue(payload))
        with pytest.raises((WorkflowQueryFailedError, RPCError, NOT_TO_BE_READ)):
            await theirs.query("all_said", RawValue(payload), rpc_timeout=timedelta(seconds=10))
        assert await ours.execute_update(Listening.say, name) == name
    await ours.signal(Listening.note, "弥生")
    assert set(await ours.query(Listening.all_said)) >= sent.keys() | {"弥生"}
    await ours.execute_update(Listening.end)
    assert set(await ours.result()) == sent.keys() | {"弥生", "弥生 太郎"}


async def test_while_the_key_store_is_away_nothing_fails_and_everything_comes_to_its_end(listener: Listener) -> None:
    with listener.keys.away():
        starting = asyncio.create_task(listener.start())  # as a request that would wait no longer than it may
        await asyncio.sleep(0.3)
        assert not starting.done()
    ours = await starting
    with listener.keys.away():  # the first task, the activity's arguments and heartbeats
        waiting = [
            asyncio.create_task(ours.signal(Listening.note, "a signal")),
            asyncio.create_task(ours.execute_update(Listening.say, "an update")),
        ]
        await asyncio.sleep(0.5)
        assert not any(task.done() for task in waiting)
    await asyncio.gather(*waiting)
    listener.keys.keys._kept.clear()
    await ours.execute_update(Listening.end)
    assert sorted(await ours.result()) == ["a signal", "an update", "弥生 太郎"]


async def read_by(listener: Listener, procedure: WorkflowHandle[Any, Any]) -> str:
    """Return its history as who has the keys reads it."""
    events = [event async for event in procedure.fetch_history_events()]
    for event in events:
        await decrypt(event, CaseCodec(listener.keys, "default"))
    return str(events)


def escaped(text: str) -> str:
    """As protobuf's texts show it."""
    return "".join(f"\\{byte:o}" for byte in text.encode())


async def test_a_case_whose_key_is_erased_meanwhile_is_read_by_nobody(listener: Listener, sessions: Sessions) -> None:
    ours = await listener.start()
    await ours.execute_update(Listening.say, "before")
    assert "before" in await read_by(listener, ours)
    async with sessions.begin() as session:
        await forget_key(session, listener.owner)
    await listener.keys.keys.look_again()
    late = asyncio.create_task(ours.execute_update(Listening.say, "late"))
    await asyncio.gather(late, return_exceptions=True)
    read = await read_by(listener, ours)
    for said in ("before", "late", "弥生", escaped("弥生")):
        assert said not in read
    await ours.terminate()


async def test_an_application_goes_on_whatever_is_sent_to_it(environment: Environment) -> None:
    case = await environment.apply(form([OFFICE_C]))
    await at_rest(case, Stage.SHARING)
    raw = at_the_port(environment.client)
    owner = f"application/{case.application_no}"
    sent = await garbage(owner)
    for workflow_id in (owner, f"{owner}/office/1"):
        theirs = raw.get_workflow_handle(workflow_id)
        for name in ("an unknown key", "its own key, forged", "its own key, for something else", "nothing"):
            payload = sent[name]
            for signal in ("row_changed", "activity_failing", "holder_answered", "mail_returned", "closed"):
                await theirs.signal(signal, RawValue(payload))
            with pytest.raises((WorkflowUpdateFailedError, NOT_TO_BE_READ)):
                await theirs.execute_update(Action.HOLD, RawValue(payload))
    await case.release_sharing()
    await at_rest(case, Stage.SET_UP)
