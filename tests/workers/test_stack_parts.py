"""What the supervisor is made of: settings handed on, parts restarted and stopped, checks before anything starts."""

import asyncio
import errno
import os
import smtplib
import sys
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import psutil
import pytest

from models.common.signing_keys import KeyPurpose, PrivateKey
from tests.support.secret_key import SECRET_KEY
from workers.key_files import KeyFiles
from workers.program import say
from workers.settings import Settings
from workers.stack import checks, inbox
from workers.stack.checks import StackError
from workers.stack.child import end_leftovers, record
from workers.stack.handed_keys import hand_keys
from workers.stack.parts import Part, in_order
from workers.stack.places import Places
from workers.stack.postgres import Command, PostgresError, prepare
from workers.stack.stack_settings import alone, completed, environment
from workers.stack.supervisor import Stack
from workers.stack.watched import Watched


def test_child_processes_read_the_settings_that_they_are_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TETSUZUKI_SMTP_USER", "not for this stack")
    given = Settings(
        state_dir=tmp_path,
        smtp_user=None,
        secret_key=SECRET_KEY,
        temporal_retention=timedelta(days=120),
        time_skipping=True,
        closing_days=("12-31", "08-13"),
        database_url="postgresql+asyncpg://db/tetsuzuki",
    )
    variables = environment(given)
    assert "TETSUZUKI_SMTP_USER" not in variables
    assert "TETSUZUKI_SMTP_HOST" not in variables  # or the next process would take it for one that was set
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("TETSUZUKI_SMTP_USER")
    assert Settings() == given


def test_the_secret_key_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    places = Places(tmp_path)
    made, again = (completed(Settings(state_dir=tmp_path), places).secret_key for _ in range(2))
    assert made is not None
    assert made == again
    assert len(made.get_secret_value()) >= 32
    assert places.secret_key.stat().st_mode & 0o077 == 0


def test_each_process_is_handed_the_keys_that_it_signs_with_and_no_other(tmp_path: Path) -> None:
    """Also those that are made later; a process that signs nothing is handed none."""
    settings = Settings(state_dir=tmp_path)
    made = [PrivateKey.new(purpose) for purpose in KeyPurpose]
    parts = [
        part
        for entry in in_order(settings, settings, Places(tmp_path), lambda _: None)
        if isinstance(entry, list)
        for part in entry
    ]
    own = {part.name: KeyFiles(settings_of(settings, part)) for part in parts}
    for key in made:
        KeyFiles(settings).write(key)
    readable = {
        name: {key.public.purpose for key in made if files.file_of(key.public.key_id).exists()}
        for name, files in own.items()
    }
    assert {name: purposes for name, purposes in readable.items() if purposes} == {
        "web": {KeyPurpose.CUSTOMERS},
        "desk": {KeyPurpose.OPERATORS, KeyPurpose.AUDIT},
    }
    assert KeyFiles(settings_of(settings, parts[-1])).read(made[0].public.key_id).public == made[0].public


def settings_of(settings: Settings, part: Part) -> Settings:
    places = Places(settings.state_dir)
    handed = hand_keys(places.signing_keys, places.handed_keys / part.name, part.signs_for)
    return settings.model_copy(update={"signing_keys_dir": handed})


def test_a_part_is_embedded_unless_its_address_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    assert checks.embeds_postgres(Settings())
    assert checks.embeds_temporal(Settings())
    assert checks.embeds_inbox(Settings(smtp_port=2525))
    assert not checks.embeds_postgres(Settings(database_url="postgresql+asyncpg://db/tetsuzuki"))
    assert not checks.embeds_temporal(Settings(temporal_address="temporal:7233"))
    assert not checks.embeds_inbox(Settings(smtp_host="127.0.0.1"))
    monkeypatch.setenv("TEMPORAL_ADDRESS", "temporal:7233")
    assert not checks.embeds_temporal(Settings())


def test_a_cluster_of_another_major_version_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    data_dir = tmp_path / "postgres"
    data_dir.mkdir()
    (data_dir / "PG_VERSION").write_text("17\n")
    with pytest.raises(PostgresError, match="version 17, this program brings version 18"):
        prepare(data_dir, tmp_path / "socket", say)
    assert [entry.name for entry in data_dir.iterdir()] == ["PG_VERSION"]


def _mails(folder: Path) -> list[EmailMessage]:
    return [message_from_bytes(file.read_bytes(), policy=policy.default) for file in sorted(folder.glob("*.eml"))]


async def test_mails_are_kept_as_files_in_the_order_of_arrival(tmp_path: Path) -> None:
    folder = inbox.MailFolder(tmp_path / "mail")

    def send(port: int) -> None:
        with smtplib.SMTP("127.0.0.1", port) as client:
            for number in range(12):
                mail = f"To: hanako@example.jp\r\nSubject: {number}\r\n\r\n.本文\r\n"
                client.sendmail("a@example.jp", ["hanako@example.jp"], mail.encode(), ["SMTPUTF8", "BODY=8BITMIME"])

    async with await inbox.listen("127.0.0.1", 0, folder.take) as server:
        await asyncio.to_thread(send, server.sockets[0].getsockname()[1])
    mails = await asyncio.to_thread(_mails, tmp_path / "mail")
    assert [mail["Subject"] for mail in mails] == [str(number) for number in range(12)]
    assert mails[0].get_payload(decode=True) == ".本文\r\n".encode()


class _Trial:
    """A `Watched` Python program and what it said."""

    def __init__(self, tmp_path: Path, program: str, patience: float = 10) -> None:
        self.said: list[str] = []
        self.begun = tmp_path / "begun"
        self.log = tmp_path / "log"
        self.failures = 0
        part = Part(
            name="trial",
            prepare=lambda: Command([sys.executable, "-c", program, str(self.begun)], {}),
            ready=self._ready,
            patience=patience,
        )
        self.watched = Watched(part, environment(Settings()), self.log, self.said.append, lambda: None)

    async def _ready(self, pid: int) -> None:
        if self.failures:
            self.failures -= 1
            raise ConnectionError("whom it needs is away")
        while not self.begun.exists() or self.begun.read_text() != str(pid):  # noqa: ASYNC110 another process writes
            await asyncio.sleep(0.01)


_BEGIN = "import os, signal, sys, time; "
_WRITE_PID = "open(sys.argv[1], 'w').write(str(os.getpid())); "


async def test_a_part_that_ends_before_it_is_ready_is_an_error_with_its_last_words(tmp_path: Path) -> None:
    trial = _Trial(tmp_path, "import sys; sys.exit('no such key')")
    with pytest.raises(StackError, match=r"trial ended with exit code 1; the end of .*\nno such key"):
        await trial.watched.start()
    await trial.watched.stop()


async def test_a_part_that_dies_is_restarted_and_it_is_said(tmp_path: Path) -> None:
    trial = _Trial(tmp_path, _BEGIN + _WRITE_PID + "time.sleep(60)")
    await trial.watched.start()
    try:
        first = trial.watched.mark
        trial.watched.kill()
        await trial.watched.ready.wait()
        assert trial.watched.mark != first
        assert trial.said[0].startswith("trial was killed by SIGKILL: restarting it in ")
    finally:
        await trial.watched.stop()


async def test_a_restart_that_fails_is_tried_again(tmp_path: Path) -> None:
    trial = _Trial(tmp_path, _BEGIN + _WRITE_PID + "time.sleep(60)")
    await trial.watched.start()
    try:
        trial.failures = 1
        trial.watched.kill()
        await trial.watched.ready.wait()
        assert any(line.startswith("trial could not be restarted: whom it needs is away") for line in trial.said)
    finally:
        await trial.watched.stop()


@pytest.mark.robustness("full disk")
@pytest.mark.parametrize("failures", [1, pytest.param(3, marks=pytest.mark.long)])
async def test_a_part_whose_restart_cannot_be_written_down_runs_once(failures: int, tmp_path: Path) -> None:
    """What was begun before the disk was found full is ended: never do two run."""
    trial = _Trial(tmp_path, _BEGIN + _WRITE_PID + "time.sleep(60)")
    left = 0
    begun = set[int]()

    def changed() -> None:
        nonlocal left
        if mark := trial.watched.mark:
            begun.add(mark.pid)
        if left:
            left -= 1
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    trial.watched._changed = changed
    await trial.watched.start()
    try:
        left = failures
        trial.watched.kill()
        await trial.watched.ready.wait()
        mark = trial.watched.mark
        assert mark is not None
        assert len(begun) == failures + 2
        assert [pid for pid in begun if psutil.pid_exists(pid)] == [mark.pid]
        assert any("No space left on device" in line for line in trial.said)
    finally:
        await trial.watched.stop()


@pytest.mark.robustness("full disk")
def test_a_record_of_processes_that_cannot_be_written_ends_nothing(tmp_path: Path) -> None:
    said: list[str] = []
    Stack(alone(tmp_path / "gone"), say=said.append)._record()
    assert said[0].endswith(
        "processes.json cannot be written (No such file or directory): a later start may not find all"
    )


async def test_a_part_that_dies_again_and_again_is_restarted_later_each_time(tmp_path: Path) -> None:
    trial = _Trial(tmp_path, _BEGIN + _WRITE_PID + "time.sleep(0.2)")
    await trial.watched.start()
    while len([line for line in trial.said if "restarting" in line]) < 3:  # noqa: ASYNC110 a list of another's
        await asyncio.sleep(0.01)
    await trial.watched.stop()
    delays = [float(line.split(" in ")[1].split(" s")[0]) for line in trial.said if "restarting" in line]
    assert delays[0] < delays[1] < delays[2]


async def test_a_part_that_does_not_end_is_killed_in_the_end(tmp_path: Path) -> None:
    program = _BEGIN + "signal.signal(signal.SIGTERM, signal.SIG_IGN); " + _WRITE_PID + "time.sleep(60)"
    trial = _Trial(tmp_path, program, patience=0.3)
    await trial.watched.start()
    mark = trial.watched.mark
    await trial.watched.stop()
    assert mark is not None
    assert mark.process() is None
    assert trial.said == ["trial had to be killed: it did not end within 0 s"]


async def test_only_the_recorded_process_itself_is_taken_for_a_leftover(tmp_path: Path) -> None:
    trial = _Trial(tmp_path, _BEGIN + _WRITE_PID + "time.sleep(60)")
    await trial.watched.start()
    mark = trial.watched.mark
    assert mark is not None
    record({"earlier": mark._replace(started=mark.started - 1)}, tmp_path / "processes")
    assert await asyncio.to_thread(end_leftovers, tmp_path / "processes", 5) == []
    assert mark.process()
    record({"trial": mark}, tmp_path / "processes")
    trial.watched.ready.clear()
    assert await asyncio.to_thread(end_leftovers, tmp_path / "processes", 5) == ["trial"]
    assert mark.process() is None
    await trial.watched.stop()
