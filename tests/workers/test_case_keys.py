"""The keys of cases: made once with the case's row, found by many at once, waited for, erased, wrapped anew."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import event, select, update
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from models.common.encryption import HOUSE, CaseKey, KeyGone, MasterKey, UnreadableError
from models.common.store.case_keys import forget_key, keys_by_master, make_case_key, rewrap_some
from models.tables import CaseKeyRow
from tests.support.databases import as_role
from tests.support.encryption import MASTER, MASTER_KEY, GivenMasterKeys
from workers import case_keys, database
from workers.case_keys import CaseKeys
from workers.database_roles import DatabaseRole
from workers.master_keys import MasterKeys

OWNER = "application/YS-000001"
Sessions = async_sessionmaker[AsyncSession]


async def made(sessions: Sessions, *owners: str) -> None:
    async with sessions.begin() as session:
        for owner in owners:
            await make_case_key(session, owner)


async def row(sessions: Sessions, owner: str = OWNER) -> CaseKeyRow:
    async with sessions() as session:
        return await session.get_one(CaseKeyRow, owner)


async def found(keys: CaseKeys, owner: str = OWNER) -> CaseKey:
    key = await keys.find(owner)
    assert isinstance(key, CaseKey)
    return key


@asynccontextmanager
async def opened(sessions: Sessions, masters: MasterKeys = MASTER, **options: Any) -> AsyncIterator[CaseKeys]:
    keys = CaseKeys(sessions, masters, **options)
    async with keys.kept_up_to_date():
        yield keys


@asynccontextmanager
async def counted(engine: AsyncEngine) -> AsyncIterator[list[str]]:
    """The statements about keys."""
    statements: list[str] = []

    def note(*facts: Any) -> None:
        if "case_keys" in facts[2]:
            statements.append(facts[2])

    event.listen(engine.sync_engine, "before_cursor_execute", note)
    yield statements
    event.remove(engine.sync_engine, "before_cursor_execute", note)


async def test_a_key_is_made_once_and_stays_what_it_is(sessions: Sessions) -> None:
    await made(sessions, OWNER)
    first = await row(sessions)
    await made(sessions, OWNER)
    assert (await row(sessions)).wrapped == first.wrapped
    assert first.master_key_id == MASTER_KEY.key_id


async def test_a_case_that_is_not_stored_has_no_key(sessions: Sessions) -> None:
    async with sessions() as session:
        await make_case_key(session, OWNER)
        await session.rollback()
    async with opened(sessions) as keys:
        assert await keys.find(OWNER) is KeyGone.UNKNOWN


async def test_every_process_finds_the_same_key_and_asks_once(sessions: Sessions) -> None:
    owners = [f"application/YS-{number:06}" for number in range(600)]
    await made(sessions, *owners)
    engine: AsyncEngine = sessions.kw["bind"]
    async with opened(sessions) as keys, counted(engine) as statements:
        first = await asyncio.gather(*(found(keys, owner) for owner in owners))
        again = await asyncio.gather(*(found(keys, owner) for owner in owners))
    assert len(statements) <= 3  # of the first, then of all others, some at a time
    assert [key.key_id for key in first] == owners
    assert all(one is other for one, other in zip(first, again, strict=True))
    async with opened(sessions) as elsewhere:
        assert (await found(elsewhere, owners[7])).decrypt("default", first[7].encrypt("default", b"x")) == b"x"


async def test_memory_is_bounded(sessions: Sessions) -> None:
    await made(sessions, "a/1", "a/2", "a/3")
    async with opened(sessions, most_kept=2) as keys:
        for owner in ("a/1", "a/2", "a/1", "a/3"):
            await found(keys, owner)
        assert list(keys._kept) == ["a/1", "a/3"]


async def test_an_erased_key_is_gone_from_memory_and_is_never_made_again(sessions: Sessions) -> None:
    await made(sessions, OWNER, "application/YS-000002")
    async with opened(sessions) as keys:
        key, _ = await found(keys), await found(keys, "application/YS-000002")
        encrypted = key.encrypt("default", b"x")
        async with sessions.begin() as session:
            assert await forget_key(session, OWNER)
            assert not await forget_key(session, OWNER)
            assert not await forget_key(session, "application/YS-999999")
        await keys.look_again()
        assert await keys.find(OWNER) is KeyGone.ERASED
        assert await found(keys, "application/YS-000002")
    await made(sessions, OWNER)
    async with opened(sessions) as anew:
        assert await anew.find(OWNER) is KeyGone.ERASED
    erased = await row(sessions)
    assert erased.wrapped is None
    assert erased.erased_at is not None
    with pytest.raises(UnreadableError):
        CaseKey(OWNER, b"\0" * 32).decrypt("default", encrypted)


async def test_while_the_store_is_away_a_key_is_waited_for_and_what_is_in_memory_goes_on(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(case_keys, "_TRY_AGAIN_AFTER", (0.01, 0.02))
    await made(sessions, OWNER, HOUSE)
    away = create_async_engine("postgresql+asyncpg://nobody@127.0.0.1:1/none")
    async with opened(sessions) as keys:
        await found(keys, HOUSE)
        keys._sessions = database.sessions(away)
        waiting = [asyncio.create_task(found(keys)) for _ in range(3)]
        cancelled = waiting.pop()
        await keys.look_again()
        while "the key store does not answer" not in caplog.text:  # noqa: ASYNC110 another task says it
            await asyncio.sleep(0.01)
        cancelled.cancel()
        assert await found(keys, HOUSE)
        assert not any(task.done() for task in waiting)
        keys._sessions = sessions
        assert {key.key_id for key in await asyncio.gather(*waiting)} == {OWNER}
    assert all("keys not available" in line for line in caplog.messages)
    assert len([line for line in caplog.messages if "does not answer" in line]) == 1
    await away.dispose()


async def test_a_key_whose_master_key_is_not_here_or_that_was_altered_is_waited_for_and_holds_up_nobody(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(case_keys, "_CLOSED_FOR", 0.01)
    caplog.set_level(logging.ERROR)
    source = GivenMasterKeys(MasterKey.new())
    await made(sessions, OWNER, "a/altered", "a/other")
    async with sessions.begin() as session:
        right = (await session.get_one(CaseKeyRow, "a/altered")).wrapped
        await session.execute(update(CaseKeyRow).filter_by(owner="a/altered").values(wrapped=b"\0" * 60))
    async with opened(sessions, MasterKeys(source)) as keys:
        wanted, altered = asyncio.create_task(found(keys)), asyncio.create_task(found(keys, "a/altered"))
        while f"the master key {MASTER_KEY.key_id} is not here" not in caplog.text:  # noqa: ASYNC110 another task's
            await asyncio.sleep(0.01)
        assert not wanted.done()
        source.keys.append(MASTER_KEY)
        assert (await wanted).key_id == OWNER
        assert await found(keys, "a/other")
        while "the stored key of a/altered was altered" not in caplog.text:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        assert not altered.done()
        async with sessions.begin() as session:
            await session.execute(update(CaseKeyRow).filter_by(owner="a/altered").values(wrapped=right))
        assert (await altered).key_id == "a/altered"


async def test_rewrapping_can_be_interrupted_and_leaves_every_key_as_it_was(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.common.store.case_keys._AT_A_TIME", 2)
    owners = [f"a/{number}" for number in range(5)]
    await made(sessions, *owners)
    async with sessions.begin() as session:
        await forget_key(session, "a/4")
    before = {}
    async with opened(sessions) as keys:
        before = {owner: (await found(keys, owner)).encrypt("default", owner.encode()) for owner in owners[:4]}
    new = MasterKey.new()
    ring = await MasterKeys(GivenMasterKeys(new, MASTER_KEY)).ring()
    async with sessions.begin() as session:
        assert await rewrap_some(session, ring) == 2
    async with sessions() as session:
        assert await keys_by_master(session) == {new.key_id: 2, MASTER_KEY.key_id: 2}
    counts: list[int] = []
    while not counts or counts[-1]:
        async with sessions.begin() as session:
            counts.append(await rewrap_some(session, ring))
    assert counts == [2, 0]
    async with opened(sessions, MasterKeys(GivenMasterKeys(new))) as keys:
        for owner, encrypted in before.items():
            assert (await found(keys, owner)).decrypt("default", encrypted) == owner.encode()
        assert await keys.find("a/4") is KeyGone.ERASED


async def test_a_running_process_makes_and_reads_keys_and_can_neither_change_nor_erase_one(sessions: Sessions) -> None:
    for role in (DatabaseRole.CUSTOMERS, DatabaseRole.WORKER):
        async with as_role(sessions, role) as own:
            await made(own, f"a/{role}")
            async with opened(own) as keys:
                await found(keys, f"a/{role}")
            with pytest.raises(Exception, match="permission denied"):
                async with own.begin() as session:
                    await forget_key(session, f"a/{role}")
    async with as_role(sessions, DatabaseRole.DESK) as desk:
        with pytest.raises(Exception, match="permission denied"):
            await made(desk, "a/desk")
        async with opened(desk) as keys:
            await found(keys, f"a/{DatabaseRole.WORKER}")


async def test_nothing_that_begins_a_case_is_stored_by_who_has_no_master_key(sessions: Sessions) -> None:
    engine: AsyncEngine = sessions.kw["bind"]
    with pytest.raises(KeyError):
        await made(database.sessions(engine), OWNER)
    async with sessions() as session:
        assert (await session.scalars(select(CaseKeyRow))).all() == []
