"""Master keys: read from a file, a variable or a service that misbehaves; made, changed and destroyed by commands."""

import asyncio
import base64
import os
import stat
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from models.common.encryption import HOUSE, CaseKey, MasterKey
from models.common.store.case_keys import keys_by_master, make_case_key
from tests.support.matrices import mostly_long
from tests.support.serving import served
from workers import database, master_keys
from workers.case_keys import opened_keys
from workers.commands import master_key_changes as commands
from workers.master_keys import KMS_PATIENCE, KmsAwayError, MasterKeyError, MasterKeyFile, VariableMasterKeys
from workers.settings import Settings
from workers.vault_transit import VaultTransit

Sessions = async_sessionmaker[AsyncSession]
OWNER = "application/YS-000001"
FIRST, SECOND = MasterKey(b"1" * 32), MasterKey(b"2" * 32)


def line(key: MasterKey) -> str:
    return f"{key.key_id} {key.reveal().hex()}"


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return Settings(database_url=database_url, state_dir=tmp_path / "state")


def file_of(settings: Settings) -> Path:
    return settings.state_dir / "master_keys"


def written(file: Path, text: str, mode: int = 0o600) -> MasterKeyFile:
    file.write_text(text)
    file.chmod(mode)
    return MasterKeyFile(file)


async def ids(source: Any) -> list[str]:
    return [key.key_id for key in await source.read()]


async def test_the_first_line_wraps_and_comments_are_passed_over(tmp_path: Path) -> None:
    file = written(tmp_path / "keys", f"# ours\n\n{line(SECOND)}\n{line(FIRST)}\n")
    assert await ids(file) == [SECOND.key_id, FIRST.key_id]
    assert await ids(VariableMasterKeys(f"{line(SECOND)}, {line(FIRST)}")) == [SECOND.key_id, FIRST.key_id]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no master key"),
        ("x", "an id, a blank and a key"),
        (FIRST.reveal().hex(), "an id, a blank and a key"),
        (f"{FIRST.key_id} {SECOND.reveal().hex()}", "is another key"),
        (f"{FIRST.key_id} abc", "is wrapped by a key management service, and none is set"),
    ],
)
async def test_what_is_no_master_key_is_refused_without_showing_it(tmp_path: Path, text: str, said: str) -> None:
    for source in (written(tmp_path / "keys", text), VariableMasterKeys(text)):
        with pytest.raises(MasterKeyError, match=said) as refused:
            await source.read()
        assert SECOND.reveal().hex() not in str(refused.value)
        assert FIRST.reveal().hex() not in str(refused.value)


async def test_a_file_that_is_missing_open_to_others_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MasterKeyError, match="`tetsuzuki migrate` makes it for a new database"):
        await MasterKeyFile(tmp_path / "none").read()
    with pytest.raises(MasterKeyError, match="open to other users: chmod 600"):
        await written(tmp_path / "open", line(FIRST), 0o644).read()
    (tmp_path / "odd").write_bytes(b"\xff")
    with pytest.raises(MasterKeyError, match="cannot be read"):
        await MasterKeyFile(tmp_path / "odd").read()


# --- a key management service ----------------------------------------------------------------------------------------


@dataclass
class StandInVault:
    """In the place of the transit engine: it wraps by turning bytes around, and misbehaves as it is told."""

    token: str = "s.token"
    asked: list[tuple[str, str]] = field(default_factory=list)
    misbehaves: Callable[[], Any] | None = None
    hangs: bool = False

    async def answer(self, request: Request) -> Response:
        body = await request.json()
        what = request.path_params["what"]
        self.asked.append((what, request.path_params["key"]))
        if self.hangs:
            await asyncio.sleep(3 * KMS_PATIENCE.total_seconds())
        if request.headers.get("x-vault-token") != self.token:
            return JSONResponse({"errors": ["permission denied"]}, 403)
        if self.misbehaves:
            return JSONResponse(*self.misbehaves())
        if what == "encrypt":
            return JSONResponse({"data": {"ciphertext": "vault:v1:" + body["plaintext"][::-1]}})
        return JSONResponse({"data": {"plaintext": body["ciphertext"].removeprefix("vault:v1:")[::-1]}})


@dataclass
class Vault:
    stand_in: StandInVault
    kms: VaultTransit
    settings: dict[str, Any]


@asynccontextmanager
async def _vault(folder: Path) -> AsyncIterator[Vault]:
    stand_in, app, token = StandInVault(), FastAPI(openapi_url=None), folder / "token"
    app.add_api_route("/v1/transit/{what}/{key}", stand_in.answer, methods=["POST"])
    token.write_text("s.token\n")
    async with served(app) as address:
        yield Vault(
            stand_in, VaultTransit(address, "ours", token), {"vault_address": address, "vault_token_file": token}
        )


async def test_a_service_opens_each_line_once(tmp_path: Path) -> None:
    async with _vault(tmp_path) as vault:
        text = await master_keys.line_of(FIRST, vault.kms)
        assert FIRST.reveal().hex() not in text
        assert base64.b64encode(FIRST.reveal()).decode() not in text
        file = MasterKeyFile(written(tmp_path / "keys", f"{text}\n").file, vault.kms)
        for _ in range(3):
            assert await ids(file) == [FIRST.key_id]
        assert vault.stand_in.asked == [("encrypt", "ours"), ("decrypt", "ours")]


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        (({"errors": []}, 400), MasterKeyError, "refuses to decrypt with ours"),
        (({"errors": []}, 403), MasterKeyError, "see that its token"),
        (({"errors": []}, 503), KmsAwayError, "answers 503"),
        (({"data": {}}, 200), MasterKeyError, "refuses to decrypt"),
        (({"data": {"plaintext": "%"}}, 200), MasterKeyError, "answered no key"),
        (({"data": {"plaintext": base64.b64encode(b"short").decode()}}, 200), MasterKeyError, "is no key of 32 bytes"),
        (({"data": {"plaintext": base64.b64encode(SECOND.reveal()).decode()}}, 200), MasterKeyError, "is another key"),
    ],
)
async def test_a_service_that_refuses_or_answers_a_wrong_key_is_named_without_what_it_said(
    tmp_path: Path, answer: Any, error: type[Exception], said: str
) -> None:
    async with _vault(tmp_path) as vault:
        file = MasterKeyFile(written(tmp_path / "keys", await master_keys.line_of(FIRST, vault.kms)).file, vault.kms)
        vault.stand_in.misbehaves = lambda: answer
        with pytest.raises(error, match=said) as refused:
            await file.read()
        assert SECOND.reveal().hex() not in str(refused.value)
        (tmp_path / "token").write_text("another")
        vault.stand_in.misbehaves = None
        with pytest.raises(MasterKeyError, match="refuses"):
            await file.read()


@pytest.mark.long
async def test_a_process_that_starts_waits_for_a_service_that_hangs_and_one_that_runs_goes_on(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(master_keys, "_TRY_AGAIN_AFTER", 0.01)
    async with _vault(tmp_path) as vault:
        ours = settings.model_copy(update=vault.settings)
        await commands.begin(ours)
        monkeypatch.setattr(master_keys, "KMS_PATIENCE", KMS_PATIENCE / 100)
        vault.stand_in.hangs = True
        async with opened_keys(ours) as keys:
            starting = asyncio.create_task(keys.masters.ring())
            while "does not answer in time" not in caplog.text:  # noqa: ASYNC110 another task says it
                await asyncio.sleep(0.01)
            assert not starting.done()
            vault.stand_in.hangs = False
            ring = await starting
            vault.stand_in.hangs = True
            file_of(ours).write_text(file_of(ours).read_text() + f"{SECOND.key_id} vault:v1:new\n")
            await keys.masters.look_again()
            assert await keys.masters.ring() is ring
            assert isinstance(await keys.find(HOUSE), CaseKey)
    assert "keys not available" in caplog.text


# --- commands --------------------------------------------------------------------------------------------------------


async def case(settings: Settings, owner: str = OWNER) -> None:
    async with database.opened(settings) as sessions, sessions.begin() as session:
        await make_case_key(session, owner)


async def encrypted(settings: Settings, owner: str = OWNER) -> bytes:
    async with opened_keys(settings) as keys:
        key = await keys.find(owner)
    assert isinstance(key, CaseKey)
    return key.encrypt("default", b"x")


async def opens(settings: Settings, content: bytes, owner: str = OWNER) -> bool:
    async with opened_keys(settings) as keys:
        key = await keys.find(owner)
    return isinstance(key, CaseKey) and key.decrypt("default", content) == b"x"


async def wrapped(sessions: Sessions) -> dict[str, int]:
    async with sessions() as session:
        return dict(await keys_by_master(session))


async def test_a_new_database_gets_a_master_key_and_another_start_finds_it(
    settings: Settings, sessions: Sessions
) -> None:
    await commands.begin(settings)
    text = file_of(settings).read_text()
    assert stat.S_IMODE(file_of(settings).stat().st_mode) == 0o600
    await commands.begin(settings)
    assert file_of(settings).read_text() == text
    assert await wrapped(sessions) == {text.split(" ")[0]: 1}
    assert not list(settings.state_dir.glob("*.new"))


async def test_where_cases_have_keys_no_master_key_is_made_in_the_place_of_one_that_is_missing(
    settings: Settings, tmp_path: Path
) -> None:
    await commands.begin(settings)
    file_of(settings).rename(tmp_path / "kept")
    with pytest.raises(MasterKeyError, match="bring it back from where it is kept"):
        await commands.begin(settings)
    assert not file_of(settings).exists()
    written(file_of(settings), f"{line(FIRST)}\n")
    with pytest.raises(MasterKeyError, match=r"the master key mk-\w+ is not here, and cases of this database"):
        await commands.begin(settings)
    (tmp_path / "kept").rename(file_of(settings))
    await commands.begin(settings)


async def test_a_master_key_is_changed_while_cases_have_keys_and_the_old_one_destroyed(
    settings: Settings, sessions: Sessions, capsys: pytest.CaptureFixture[str]
) -> None:
    await commands.begin(settings)
    await case(settings)
    old = file_of(settings).read_text().split(" ")[0]
    content = await encrypted(settings)

    await commands.new(settings)
    new = file_of(settings).read_text().split(" ")[0]
    await case(settings, "application/YS-000002")
    assert await wrapped(sessions) == {old: 2, new: 1}
    with pytest.raises(MasterKeyError, match="wraps the keys of new cases"):
        await commands.destroy(settings, new)
    with pytest.raises(MasterKeyError, match="wraps 2 keys: `tetsuzuki keys master rewrap`"):
        await commands.destroy(settings, old)
    with pytest.raises(MasterKeyError, match="there is no master key mk-none"):
        await commands.destroy(settings, "mk-none")

    await commands.rewrap(settings)
    assert await wrapped(sessions) == {new: 3}
    with pytest.raises(MasterKeyError, match="another process may not know it yet: wait 60 seconds"):
        await commands.destroy(settings, old)
    long_ago = time.time() - commands.KNOWN_AFTER.total_seconds() - 1
    os.utime(file_of(settings), (long_ago, long_ago))
    await commands.destroy(settings, old)
    assert old not in file_of(settings).read_text()
    assert await opens(settings, content)

    capsys.readouterr()
    await commands.show(settings)
    assert capsys.readouterr().out == f"{new}\twraps the keys of new cases\twraps 3 keys\n"
    printed = capsys.readouterr()
    assert file_of(settings).read_text().split(" ")[1].strip() not in printed.out + printed.err


async def test_with_a_variable_the_new_key_is_printed_and_put_there_by_hand(
    settings: Settings, sessions: Sessions, capsys: pytest.CaptureFixture[str]
) -> None:
    def given(*keys: str) -> Settings:
        return settings.model_copy(update={"master_keys": SecretStr(",".join(keys))})

    ours = given(line(FIRST))
    await commands.begin(ours)
    await case(ours)
    content = await encrypted(ours)
    await commands.new(ours)
    printed = capsys.readouterr().out.strip()
    new = printed.split(" ")[0]
    await commands.rewrap(given(printed, line(FIRST)))
    assert await wrapped(sessions) == {new: 2}
    await commands.destroy(given(printed, line(FIRST)), FIRST.key_id)
    assert "take it out of TETSUZUKI_MASTER_KEYS" in capsys.readouterr().out
    assert await opens(given(printed), content)
    with pytest.raises(MasterKeyError, match=f"the master key {new} is not here"):
        await commands.begin(given(line(FIRST)))
    capsys.readouterr()
    await commands.show(given(line(FIRST)))
    assert f"{new}\tNOT HERE\twraps 2 keys\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words", mostly_long([["new"], ["rewrap"], ["destroy", "mk-x", "--yes"], ["list"]], each_time=[["list"]])
)
def test_a_command_without_a_master_key_says_so(settings: Settings, words: list[str]) -> None:
    given = {"TETSUZUKI_DATABASE_URL": str(settings.database_url), "TETSUZUKI_STATE_DIR": str(settings.state_dir)}
    command = [sys.executable, "-m", "workers", "keys", "master", *words]
    ended = subprocess.run(  # noqa: S603 our own program
        command, env=os.environ | given, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    [*_, said] = ended.stderr.splitlines()  # after the security log's line
    assert said.startswith("error: there is no master key file"), ended.stderr
