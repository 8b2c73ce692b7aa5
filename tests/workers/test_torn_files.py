"""What a crash of the machine leaves of our own files: passed over, or named with what to do."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from models.common.audit_heads import read_nights
from models.common.signing_keys import KeyPurpose, PrivateKey
from workers import durable_files
from workers.durable_files import write_durably
from workers.key_files import KeyFileError, KeyFiles
from workers.master_keys import MasterKeyError, MasterKeyFile
from workers.settings import Settings
from workers.stack import postgres, temporal_server
from workers.stack.checks import StackError
from workers.stack.child import ProcessMark, UnreadableRecordError, end_leftovers, record
from workers.stack.places import Places
from workers.stack.postgres import PostgresError
from workers.stack.stack_settings import alone, completed
from workers.stack.supervisor import Stack
from workers.stack.temporal_server import TemporalFileError

TORN = pytest.mark.robustness("torn files")


@TORN
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'{"postgres": [12, 3',
        b"\0" * 64,
        b"[]",
        b'{"postgres": 12}',
        b'{"postgres": [-1, 3.0, 15]}',
        b'{"postgres": [12, 3.0, 999]}',
        b'{"postgres": ["a", 3.0, 15]}',
        b"\xff\xfe",
    ],
)
async def test_a_record_of_processes_that_says_nothing_is_passed_over_and_said(content: bytes, state_dir: Path) -> None:
    file = Places(state_dir).processes
    file.write_bytes(content)
    with pytest.raises(UnreadableRecordError):
        end_leftovers(file, 0.1)
    said: list[str] = []
    stack = Stack(alone(state_dir), say=said.append)
    await stack._end_leftovers()
    assert said == [
        f"{file} cannot be read and is passed over: if processes of an earlier run are left, end them by hand"
    ]
    record({"postgres": ProcessMark(12, 3.0, 15)}, file)
    assert json.loads(file.read_text()) == {"postgres": [12, 3.0, 15]}


@TORN
def test_what_is_written_is_on_the_disk_before_its_name_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By every file of ours that a start needs: keys, the record of processes, the run of sign-in links."""
    steps: list[str] = []
    kept, replaced = os.fsync, Path.replace

    def sync(descriptor: int) -> None:
        steps.append("folder" if os.path.isdir(f"/proc/self/fd/{descriptor}") else "file")  # noqa: PTH112 a number
        kept(descriptor)

    def replace(path: Path, target: Path) -> Path:
        steps.append("name")
        return replaced(path, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(Path, "replace", replace)
    places = Places(tmp_path)
    keys = KeyFiles(Settings(signing_keys_dir=tmp_path / "keys"))
    for write in (
        lambda: write_durably(tmp_path / "any", "text"),
        lambda: record({}, places.processes),
        lambda: completed(alone(tmp_path), places),
        lambda: keys.write(PrivateKey.new(KeyPurpose.AUDIT)),
        lambda: MasterKeyFile(places.master_keys).write(["mk-1 00"]),
    ):
        steps.clear()
        write()
        assert steps[:3] == ["file", "name", "folder"]
    assert {file.stat().st_mode & 0o077 for file in tmp_path.rglob("*") if file.is_file()} == {0}
    assert not list(tmp_path.rglob("*.new"))


@TORN
def test_what_a_crash_has_left_open_to_others_is_not_written_into(tmp_path: Path) -> None:
    (tmp_path / "secret.new").write_text("half")
    (tmp_path / "secret.new").chmod(0o644)
    durable_files.write_durably(tmp_path / "secret", "whole")
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600


@TORN
@pytest.mark.parametrize("content", [b"", b"not a key", b"\0" * 40, b"\xff" * 40])
async def test_a_torn_key_is_named(content: bytes, tmp_path: Path) -> None:
    settings = Settings(state_dir=tmp_path, signing_keys_dir=tmp_path / "keys")
    key = PrivateKey.new(KeyPurpose.AUDIT)
    keys = KeyFiles(settings)
    keys.write(key).write_bytes(content)
    with pytest.raises(KeyFileError, match="holds no private key"):
        keys.read(key.public.key_id)
    places = Places(tmp_path)
    places.master_keys.touch(mode=0o600)
    places.master_keys.write_bytes(content)
    with pytest.raises(MasterKeyError, match="master_keys"):
        await MasterKeyFile(places.master_keys).read()
    places.secret_key.write_bytes(content)
    with pytest.raises(StackError, match=r"secret_key: .*Put back what was in the file"):
        completed(alone(tmp_path), places)


@TORN
@pytest.mark.parametrize("content", [b"", b"\0" * 4096, b"SQLite format 2", b"no database at all"])
def test_a_file_that_temporal_would_begin_anew_is_refused(content: bytes, tmp_path: Path) -> None:
    """An empty one is a new database to it: every case would be without its workflow."""
    file = tmp_path / "temporal.db"
    temporal_server.check_file(file)  # not there yet
    file.write_bytes(content)
    with pytest.raises(TemporalFileError, match="bring back a backup"):
        temporal_server.check_file(file)
    file.write_bytes(b"SQLite format 3\0" + bytes(4080))
    temporal_server.check_file(file)


@TORN
@pytest.mark.parametrize("version", ["", "\0\0\0", "x"])
def test_a_postgres_folder_without_its_version_is_said_to_be_damaged(version: str, tmp_path: Path) -> None:
    data = tmp_path / "postgres"
    data.mkdir()
    (data / "PG_VERSION").write_text(version)
    with pytest.raises(PostgresError, match="damaged: bring back a backup"):
        postgres.prepare(data, tmp_path / "socket", lambda _: None)


@TORN
@pytest.mark.parametrize(
    ("lock", "socket_lock"),
    [("", None), ("\0\0", None), ("999999999\n", ""), (f"{os.getpid()}\n", None), (None, "x")],
    ids=["empty", "zeros", "nobody", "another program", "socket"],
)
def test_locks_of_a_server_that_is_gone_stop_no_start(
    lock: str | None, socket_lock: str | None, tmp_path: Path
) -> None:
    data, socket = tmp_path / "postgres", tmp_path / "socket"
    for folder in (data, socket):
        folder.mkdir()
    (data / "PG_VERSION").write_text(postgres.MAJOR)
    files = {data / "postmaster.pid": lock, socket / ".s.PGSQL.5432.lock": socket_lock}
    for file, content in files.items():
        if content is not None:
            file.write_text(content)
    postgres.prepare(data, socket, lambda _: None)
    assert not any(file.exists() for file in files)


@TORN
def test_a_server_that_runs_is_found_although_its_lock_is_torn(tmp_path: Path) -> None:
    data = tmp_path / "postgres"
    data.mkdir()
    (data / "PG_VERSION").write_text(postgres.MAJOR)
    (data / "postmaster.pid").touch()
    program = tmp_path / "postgres-of-the-test"
    program.symlink_to(sys.executable)
    waits = [str(program), "-c", "import time; print(flush=True); time.sleep(600)", str(data)]
    with subprocess.Popen(waits, stdout=subprocess.PIPE) as running:  # noqa: S603
        try:
            assert running.stdout
            running.stdout.readline()
            with pytest.raises(PostgresError, match=f"process {running.pid}"):
                postgres.prepare(data, tmp_path / "socket", lambda _: None)
        finally:
            running.kill()
    assert (data / "postmaster.pid").exists()


@TORN
def test_a_line_of_heads_that_was_not_written_to_its_end_stops_no_later_night(tmp_path: Path) -> None:
    """By the one reader there is: what has no line feed was signed for nobody."""
    from web.backoffice.audit_heads_archive import ArchiveError, HeadsFile  # noqa: PLC0415

    file = tmp_path / "heads.jsonl"
    seen: list[object] = []
    for torn in (b"", b'{"numb', b"\0\0", b"{}"):
        file.write_bytes(torn)
        assert HeadsFile(file)._append(seen.append) is None
    assert seen == [None] * 4
    file.write_bytes(b'{"numb\n')
    with pytest.raises(ArchiveError, match="line 1 is altered"):
        HeadsFile(file)._append(lambda _: None)
    with pytest.raises(ValueError, match="line 1"):
        read_nights([b'{"numb'])
