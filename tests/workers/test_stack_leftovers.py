"""The end of trouble leaves nothing behind, is said once, and can be looked up later."""

import logging
import smtplib
from asyncio import to_thread
from pathlib import Path

import pytest

from workers.stack import inbox
from workers.stack.up import noting

TIDY = pytest.mark.robustness("what trouble leaves")


def kept_in(folder: Path) -> list[str]:
    """Return the kinds of files that are there."""
    return [file.suffix for file in folder.iterdir()]


@TIDY
async def test_a_full_disk_is_said_once_leaves_no_half_mail_and_its_end_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder = inbox.MailFolder(tmp_path)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    def send(port: int) -> int:
        with smtplib.SMTP("127.0.0.1", port) as client:
            client.ehlo()
            client.mail("a@b.example")
            client.rcpt("c@d.example")
            return client.data("Subject: x\r\n\r\nx")[0]

    async with await inbox.listen("127.0.0.1", 0, folder.take) as server:
        port = server.sockets[0].getsockname()[1]
        with monkeypatch.context() as patched, caplog.at_level(logging.WARNING, "workers.stack.inbox"):
            patched.setattr("workers.stack.inbox.os.fsync", full)
            assert [await to_thread(send, port) for _ in range(3)] == [452] * 3  # every sender tries again
            assert kept_in(tmp_path) == []
        with caplog.at_level(logging.WARNING, "workers.stack.inbox"):
            assert [await to_thread(send, port) for _ in range(2)] == [250] * 2
    said = [record.getMessage() for record in caplog.records if record.name == "workers.stack.inbox"]
    assert said == ["no mail can be kept: No space left on device", "mails are kept again"]
    assert kept_in(tmp_path) == [".eml"] * 2


@TIDY
def test_what_a_killed_inbox_has_left_is_removed_at_the_next_start(tmp_path: Path) -> None:
    kept = tmp_path / "20261104T000000.000000-000000.eml"
    kept.write_bytes(b"x")
    for name in ("a.eml.unfinished", "弥生.eml.unfinished", ".unfinished"):
        (tmp_path / name).write_bytes(b"half")
    inbox.MailFolder(tmp_path)
    assert list(tmp_path.iterdir()) == [kept]


@TIDY
def test_what_the_stack_says_can_be_looked_up_later(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    note = noting(tmp_path / "logs" / "up.log")
    note("before there is a folder")  # nothing to write it into: it is said all the same
    (tmp_path / "logs").mkdir()
    note("Temporal ended with exit code 0: restarting it in 0.2 s")
    note("Temporal is back")
    assert capsys.readouterr().out.count("\n") == 3
    lines = (tmp_path / "logs" / "up.log").read_text(encoding="utf-8").splitlines()
    assert [line.partition(" ")[2] for line in lines] == [
        "Temporal ended with exit code 0: restarting it in 0.2 s",
        "Temporal is back",
    ]
    assert all(line.partition(" ")[0].endswith("+00:00") for line in lines)
