"""The command line: what it prints, and exit codes that can be trusted."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup
from typer.main import get_command

import workers
from workers.cli import app
from workers.program import ClearError, run, run_command, until_cancelled
from workers.settings import Settings


def tetsuzuki(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "workers", *arguments]
    return subprocess.run(command, env=os.environ | variables, capture_output=True, text=True, check=False)  # noqa: S603


def test_y11_the_due_date_is_printed_and_nothing_else() -> None:
    ended = tetsuzuki("due-date", "2026-11-04")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "2026-11-20\n", "")


def test_y11_the_company_s_own_closing_days_count() -> None:
    assert tetsuzuki("due-date", "2026-11-04", TETSUZUKI_CLOSING_DAYS="11-20,12-31").stdout == "2026-11-19\n"


def test_what_is_no_date_is_refused_in_japanese() -> None:
    ended = tetsuzuki("due-date", "2026-02-30")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("「2026-02-30」は日付として読み取れません。")


@pytest.mark.long
def test_a_setting_that_makes_no_sense_is_named() -> None:
    ended = tetsuzuki("worker", TETSUZUKI_WEB_PORT="http")
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: TETSUZUKI_WEB_PORT: ")


def test_a_clear_error_is_printed_without_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    async def fail() -> None:
        raise ClearError("the disk is full: make room")

    assert run(fail()) == 1
    assert capsys.readouterr().err == "error: the disk is full: make room\n"


def names_of(group: TyperGroup, before: str = "") -> set[str]:
    """Return what all commands are called."""
    names: set[str] = set()
    for name, command in group.commands.items():
        names |= names_of(command, f"{before}{name} ") if isinstance(command, TyperGroup) else {f"{before}{name}"}
    return names


def test_a_command_with_power_over_more_than_one_case_is_in_the_security_log(
    capsys: pytest.CaptureFixture[str],
) -> None:
    noted = {
        name
        for file in Path(workers.__file__).parent.rglob("*.py")
        for name in re.findall(r'noted_as="([^"]+)"', file.read_text(encoding="utf-8"))
    }
    command_line = get_command(app)
    assert isinstance(command_line, TyperGroup)
    assert {"restore", "release", "load", "webhooks add", "keys master destroy", "person show"} <= noted
    assert noted <= names_of(command_line)

    async def nothing(_: Settings) -> None:
        pass

    with pytest.raises(typer.Exit):
        run_command(nothing, noted_as="restore")
    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["outcome"], line["command"]) == ("command", "begun", "restore")
    assert line["by"] == f"command:uid-{os.getuid()}"


@pytest.mark.parametrize("received", [signal.SIGINT, signal.SIGTERM])
def test_a_service_that_is_asked_to_end_has_ended_well_and_a_command_was_interrupted(received: signal.Signals) -> None:
    async def wait() -> None:
        asyncio.get_running_loop().call_soon(os.kill, os.getpid(), received)
        await until_cancelled()

    assert run(wait(), service=True) == 0
    assert run(wait()) == 128 + received
