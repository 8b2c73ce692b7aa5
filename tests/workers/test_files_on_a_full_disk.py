"""Our own files on a disk that fills and empties again: what cannot be written is said, and nothing half is left."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from models.common.audit_heads import read_nights, sign_night
from models.common.journal import Erasure, JournalError
from models.common.signing_keys import KeyPurpose, PrivateKey
from web.backoffice.audit_heads_archive import ArchiveError, HeadsFile
from workers.durable_files import write_durably
from workers.journal import JournalFile
from workers.key_files import KeyFileError, KeyFiles
from workers.master_keys import MasterKeyError, MasterKeyFile
from workers.settings import Settings
from workers.stack.child import ProcessMark, record
from workers.stack.up import noting

FULL_DISK = pytest.mark.robustness("full disk")
AT = "2026-11-04T01:00:00.000000+00:00"


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Fills the disk: nothing comes to it any more. Again: there is room."""
    kept, is_full = os.fsync, False

    def sync(descriptor: int) -> None:
        if is_full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        kept(descriptor)

    def fill() -> None:
        nonlocal is_full
        is_full = not is_full

    monkeypatch.setattr(os, "fsync", sync)
    return fill


@FULL_DISK
def test_a_file_that_cannot_be_replaced_stays_as_it_was(tmp_path: Path, full: Callable[[], None]) -> None:
    key = PrivateKey.new(KeyPurpose.AUDIT)
    keys = KeyFiles(Settings(signing_keys_dir=tmp_path / "keys"))
    marks = {"postgres": ProcessMark(12, 3.0, 15)}
    for write, error in (
        (lambda: write_durably(tmp_path / "any", "text"), OSError),
        (lambda: MasterKeyFile(tmp_path / "master_keys").write(["mk-1 00"]), MasterKeyError),
        (lambda: MasterKeyFile(tmp_path / "master_keys").write(["mk-2 00", "mk-1 00"]), MasterKeyError),
        (lambda: record(marks, tmp_path / "processes.json"), OSError),
        (lambda: keys.write(key), KeyFileError),
    ):
        before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
        full()
        with pytest.raises(error, match="No space left on device"):
            write()
        assert {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()} == before
        full()
        write()
    assert keys.read(key.public.key_id).public == key.public


@FULL_DISK
async def test_the_journal_goes_on_where_it_was(tmp_path: Path, full: Callable[[], None]) -> None:
    journal = JournalFile(tmp_path / "journal.jsonl")

    def erasure(request: str) -> Erasure:
        return Erasure.of(request, ["taro@example.jp"], ["YS-000001"])

    await journal.append(erasure("one"), AT)
    full()
    for _ in range(3):
        with pytest.raises(JournalError, match="No space left on device"):
            await journal.append(erasure("two"), AT)
    full()
    await journal.append(erasure("two"), AT)
    await journal.append(erasure("three"), AT)
    entries = await journal.entries()
    assert [(entry.number, entry.said.request) for entry in entries] == [(1, "one"), (2, "two"), (3, "three")]


@FULL_DISK
def test_the_heads_of_a_night_are_signed_later(tmp_path: Path, full: Callable[[], None]) -> None:
    archive, key = HeadsFile(tmp_path / "heads.jsonl"), PrivateKey.new(KeyPurpose.AUDIT)
    archive._append(lambda last: sign_night(key, AT, last, []))
    full()
    with pytest.raises(ArchiveError, match="No space left on device"):
        archive._append(lambda last: sign_night(key, AT, last, []))
    full()
    archive._append(lambda last: sign_night(key, AT, last, []))
    nights = read_nights((tmp_path / "heads.jsonl").read_bytes().splitlines())
    assert [night.number for night in nights] == [*range(1, len(nights) + 1)]


@FULL_DISK
def test_what_restarts_is_said_though_it_cannot_be_noted(capsys: pytest.CaptureFixture[str]) -> None:
    noting(Path("/dev/full"))("web ended with exit code 1: restarting it in 0.2 s")
    assert "restarting it" in capsys.readouterr().out
