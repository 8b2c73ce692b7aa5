"""The keys that sign who acts: made, published, retired and revoked, and as workers and signers know them."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from models.common.actors import Actor, ActorKind
from models.common.commitments import salted
from models.common.signatures import SignatureRefusal, SignatureRefusedError, SignedPlace
from models.common.signing_keys import KeyPurpose, KeyState, PrivateKey
from models.common.store.public_keys import KNOWN_AFTER, signing_key_id, stored_keys
from models.tables import PublicKeyRow
from tests.support.web import until
from workers import known_keys
from workers.commands import keys
from workers.key_files import KeyFileError, KeyFiles
from workers.known_keys import KnownKeys, NoKeysError, signer_for
from workers.program import ClearError
from workers.settings import Settings

Sessions = async_sessionmaker[AsyncSession]
OPERATORS = KeyPurpose.OPERATORS
PLACE = SignedPlace("application/YS-000001/office/1", "run", "hold", "update")
MESSAGE = salted({"reason": "お電話"})
TANAKA = Actor(ActorKind.OPERATOR, "tanaka", ("caseworker",))


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return Settings(database_url=database_url, state_dir=tmp_path / "state")


async def rows_of(sessions: Sessions) -> dict[str, PublicKeyRow]:
    async with sessions() as session:
        return {row.key_id: row for row in await stored_keys(session)}


async def made(settings: Settings, sessions: Sessions, purpose: KeyPurpose = OPERATORS) -> str:
    before = await rows_of(sessions)
    await keys.new(settings, purpose)
    [key_id] = (await rows_of(sessions)).keys() - before.keys()
    return key_id


async def published_long_ago(sessions: Sessions, key_id: str, ago: timedelta = 2 * KNOWN_AFTER) -> None:
    async with sessions.begin() as session:
        await session.execute(update(PublicKeyRow).filter_by(key_id=key_id).values(published_at=func.now() - ago))


async def signs_now(sessions: Sessions, purpose: KeyPurpose = OPERATORS) -> str | None:
    async with sessions() as session:
        return await signing_key_id(session, purpose)


async def test_a_new_key_is_a_row_and_a_file_that_its_owner_alone_can_read(
    settings: Settings, sessions: Sessions, capsys: pytest.CaptureFixture[str]
) -> None:
    key_id = await made(settings, sessions)
    row = (await rows_of(sessions))[key_id]
    assert (row.purpose, row.state, len(row.value)) == ("operators", "active", 32)
    assert (row.retired_at, row.revoked_at) == (None, None)
    file = settings.state_dir / "keys" / "operators" / key_id
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert KeyFiles(settings).read(key_id).public.value == row.value
    printed = capsys.readouterr()
    assert f"{key_id}\t{file.absolute()}\n" == printed.out
    assert file.read_text().strip() not in printed.out + printed.err


async def test_without_a_purpose_each_that_has_none_gets_a_key(settings: Settings, sessions: Sessions) -> None:
    await made(settings, sessions, KeyPurpose.AUDIT)
    for _ in range(2):
        await keys.new(settings, None)
        assert sorted(row.purpose for row in (await rows_of(sessions)).values()) == sorted(KeyPurpose)


async def test_private_keys_lie_where_the_setting_says(settings: Settings, sessions: Sessions, tmp_path: Path) -> None:
    elsewhere = settings.model_copy(update={"signing_keys_dir": tmp_path / "secrets"})
    key_id = await made(elsewhere, sessions)
    assert [file.name for file in (tmp_path / "secrets" / "operators").iterdir()] == [key_id]
    assert not settings.state_dir.exists()


async def test_a_key_signs_once_every_worker_knows_it(settings: Settings, sessions: Sessions) -> None:
    assert await signs_now(sessions) is None
    first = await made(settings, sessions)
    assert await signs_now(sessions) == first  # there is no other
    second = await made(settings, sessions)
    assert await signs_now(sessions) == first
    await published_long_ago(sessions, first)
    assert await signs_now(sessions) == first
    await published_long_ago(sessions, second, KNOWN_AFTER + timedelta(seconds=1))
    assert await signs_now(sessions) == second
    assert (await signer_for(settings, sessions, OPERATORS)).key_id == second
    assert await signs_now(sessions, KeyPurpose.CUSTOMERS) is None


async def test_a_retired_key_signs_nothing_more_and_what_it_signed_verifies_for_ever(
    settings: Settings, sessions: Sessions
) -> None:
    first, second = await made(settings, sessions), await made(settings, sessions)
    await published_long_ago(sessions, first)
    entry = (await signer_for(settings, sessions, OPERATORS)).sign(TANAKA, PLACE, MESSAGE)
    with pytest.raises(ClearError, match=r"no other key signs for operators yet.*120 seconds later"):
        await keys.retire_key(settings, first)
    assert KeyFiles(settings).file_of(first).exists()
    await published_long_ago(sessions, second)
    for _ in range(2):  # again: nothing changes
        await keys.retire_key(settings, first)
    row = (await rows_of(sessions))[first]
    assert row.state == KeyState.RETIRED
    assert row.retired_at is not None
    assert not KeyFiles(settings).file_of(first).exists()
    assert await signs_now(sessions) == second
    known = KnownKeys(sessions)
    await known.start()
    assert known.verifier.verify(entry, PLACE, MESSAGE).key_id == first


async def test_of_two_who_retire_at_once_one_is_refused(settings: Settings, sessions: Sessions) -> None:
    ids = [await made(settings, sessions) for _ in range(2)]
    for key_id in ids:
        await published_long_ago(sessions, key_id)
    results = await asyncio.gather(*(keys.retire_key(settings, key_id) for key_id in ids), return_exceptions=True)
    assert [type(result) for result in results if result] == [ClearError]
    assert await signs_now(sessions) in ids


async def test_a_revoked_key_verifies_nothing_new_and_stays_revoked(
    settings: Settings, sessions: Sessions, capsys: pytest.CaptureFixture[str]
) -> None:
    key_id = await made(settings, sessions)
    entry = (await signer_for(settings, sessions, OPERATORS)).sign(TANAKA, PLACE, MESSAGE)
    known = KnownKeys(sessions)
    await known.start()
    assert known.verifier.verify(entry, PLACE, MESSAGE).key_id == key_id
    capsys.readouterr()
    await keys.revoke_key(settings, key_id)
    assert "nothing signs for operators now" in capsys.readouterr().err
    revoked_at = (await rows_of(sessions))[key_id].revoked_at
    await known.read()
    with pytest.raises(SignatureRefusedError) as refused:
        known.verifier.verify(entry, PLACE, MESSAGE)
    assert refused.value.refusal is SignatureRefusal.REVOKED_KEY
    assert not KeyFiles(settings).file_of(key_id).exists()
    await keys.revoke_key(settings, key_id)
    assert (await rows_of(sessions))[key_id].revoked_at == revoked_at
    with pytest.raises(ClearError, match="is revoked"):
        await keys.retire_key(settings, key_id)
    with pytest.raises(NoKeysError, match="no key signs for operators"):
        await signer_for(settings, sessions, OPERATORS)


async def test_a_key_that_is_not_there_is_named(settings: Settings, sessions: Sessions) -> None:
    for change in (keys.retire_key, keys.revoke_key):
        with pytest.raises(ClearError, match="there is no key operators-0"):
            await change(settings, "operators-0")
    assert await rows_of(sessions) == {}


async def test_keys_are_listed_with_what_became_of_them(
    settings: Settings, sessions: Sessions, capsys: pytest.CaptureFixture[str]
) -> None:
    await keys.show(settings)
    assert "no keys yet" in capsys.readouterr().out
    leaked, good = await made(settings, sessions), await made(settings, sessions, KeyPurpose.CUSTOMERS)
    await keys.revoke_key(settings, leaked)
    capsys.readouterr()
    await keys.show(settings)
    lines = dict(line.split("\t", 1) for line in capsys.readouterr().out.splitlines())
    assert lines.keys() == {leaked, good}
    assert lines[leaked].startswith(f"revoked since {datetime.now(UTC):%Y}"[:17])
    assert "destroyed" in lines[leaked]
    assert lines[good].startswith("active\t")
    assert "private half here" in lines[good]


# --- files ------------------------------------------------------------------------------------------------------------


def test_a_private_key_is_read_only_if_it_is_the_right_one_and_nobody_else_can_read_it(settings: Settings) -> None:
    files = KeyFiles(settings)
    key, other = PrivateKey.new(OPERATORS), PrivateKey.new(OPERATORS)
    with pytest.raises(KeyFileError, match="cannot be read: No such file"):
        files.read(key.public.key_id)
    file = files.write(key)
    assert files.read(key.public.key_id).public == key.public
    file.chmod(0o640)
    with pytest.raises(KeyFileError, match="open to other users"):
        files.read(key.public.key_id)
    file.write_text(other.text())
    file.chmod(0o600)
    with pytest.raises(KeyFileError, match="holds another key"):
        files.read(key.public.key_id)
    file.write_text("鍵", encoding="utf-8")
    with pytest.raises(KeyFileError, match="holds no private key"):
        files.read(key.public.key_id)


def test_what_is_destroyed_is_overwritten_first(settings: Settings, tmp_path: Path) -> None:
    files = KeyFiles(settings)
    key = PrivateKey.new(OPERATORS)
    same = tmp_path / "the same file"
    same.hardlink_to(files.write(key))
    assert files.destroy(key.public.key_id)
    assert set(same.read_bytes()) == {0}
    assert not files.destroy(key.public.key_id)


def test_a_folder_that_cannot_be_written_is_named(settings: Settings) -> None:
    settings.state_dir.mkdir(parents=True)
    (settings.state_dir / "keys").write_text("a file")
    with pytest.raises(KeyFileError, match=r"keys/operators/operators-\w+ cannot be written"):
        KeyFiles(settings).write(PrivateKey.new(OPERATORS))


# --- what a worker knows ----------------------------------------------------------------------------------------------


async def test_a_worker_without_any_key_does_not_start(sessions: Sessions) -> None:
    with pytest.raises(NoKeysError, match="`tetsuzuki keys new` makes them"):
        await KnownKeys(sessions).start()


async def test_a_worker_reads_the_keys_again_and_again_and_keeps_them_while_postgres_is_away(
    settings: Settings, sessions: Sessions, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(known_keys, "READ_EVERY", timedelta(milliseconds=20))
    await made(settings, sessions)
    known = KnownKeys(sessions)
    await known.start()
    assert len(known.verifier) == 1
    reading = asyncio.create_task(known.keep_reading())
    await made(settings, sessions)
    await until(lambda: _is(lambda: len(known.verifier) == 2))
    async with sessions.begin() as session:
        await session.execute(text("alter table public_keys rename to away"))
    caplog.clear()
    await until(lambda: _is(lambda: caplog.text.count("could not be read") > 1))
    assert len(known.verifier) == 2
    async with sessions.begin() as session:
        await session.execute(text("alter table away rename to public_keys"))
    await made(settings, sessions)
    await until(lambda: _is(lambda: len(known.verifier) == 3))
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)


async def _is(condition: Callable[[], bool]) -> bool:
    return condition()


# --- the command line -------------------------------------------------------------------------------------------------


@pytest.mark.long
async def test_the_commands_do_what_they_are_called(settings: Settings, sessions: Sessions) -> None:
    variables = {"TETSUZUKI_DATABASE_URL": str(settings.database_url), "TETSUZUKI_STATE_DIR": str(settings.state_dir)}

    async def call(*arguments: str, typed: str = "") -> tuple[int, str]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "workers", "keys", *arguments),
            env=os.environ | variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        output, _ = await process.communicate(typed.encode())
        return process.returncode or 0, output.decode()

    async def count(state: KeyState) -> int:
        async with sessions() as session:
            found = await session.scalar(select(func.count()).select_from(PublicKeyRow).filter_by(state=state))
            return int(found or 0)

    assert (await call("new", "operators"))[0] == 0
    assert (await call("new"))[0] == 0
    assert await count(KeyState.ACTIVE) == 3
    assert (await call("new", "everybody"))[0] == 2
    [key_id] = [name for name in await rows_of(sessions) if name.startswith("customers")]
    assert (await call("revoke", key_id, typed="n\n"))[0] == 1
    assert await count(KeyState.REVOKED) == 0
    assert (await call("revoke", key_id, "--yes"))[0] == 0
    assert await count(KeyState.REVOKED) == 1
    assert (await call("retire", key_id))[0] == 1
    assert key_id in (await call("list"))[1]
