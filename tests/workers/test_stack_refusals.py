"""What the stack cannot run on is said before anything starts: what is wrong, and what to do."""

import os
import pwd
import re
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from workers.program import run, say
from workers.settings import Settings
from workers.stack import checks, postgres
from workers.stack.checks import StackError
from workers.stack.postgres import PostgresError
from workers.stack.stack_settings import alone
from workers.stack.supervisor import Stack
from workers.stack.up import up

ELSEWHERE = "or set TETSUZUKI_STATE_DIR to "


@pytest.mark.parametrize(
    ("place", "given", "said"),
    [
        # Nothing can be kept under /proc: it has no room at all.
        ("/proc/nope", {}, "/proc has only 0 MB of free space, 500 MB are needed: make room, " + ELSEWHERE),
        ("file/state", {}, "file/state: Not a directory: put that right, " + ELSEWHERE),
        ("new", {"web_host": "no-such-host.invalid"}, "the web cannot listen on no-such-host.invalid ("),
        ("new", {"web_host": "203.0.113.7"}, "set TETSUZUKI_WEB_HOST to an address of this machine"),
    ],
)
def test_what_is_in_the_way_is_said_in_one_line_and_nothing_is_left_behind(
    place: str, given: dict[str, Any], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("no folder")
    state_dir = tmp_path / place
    assert run(up(alone(state_dir, **given))) == 1
    error = capsys.readouterr().err
    assert re.fullmatch(r"error: [^\n]+\n", error)
    assert said in error
    assert not state_dir.exists()


@pytest.mark.parametrize("in_the_way", ["lock", "secret_key.new", "logs/postgres.log"])
async def test_a_file_that_cannot_be_written_is_named(in_the_way: str, state_dir: Path) -> None:
    (state_dir / in_the_way).mkdir(parents=True)
    stack = Stack(alone(state_dir))
    with pytest.raises(StackError, match=f"{in_the_way}: Is a directory: put that right, {ELSEWHERE}"):
        await stack.__aenter__()
    assert stack.processes == {}


def test_every_taken_port_is_named_with_the_variable_that_changes_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        web, smtp = one.getsockname()[1], other.getsockname()[1]
        with pytest.raises(StackError) as refused:
            checks.check_ports(Settings(**checks.free_ports() | {"web_port": web, "smtp_port": smtp}))
    assert f"port {web} for the web is taken: set TETSUZUKI_WEB_PORT to a free one" in str(refused.value)
    assert f"port {smtp} for the mail inbox is taken: set TETSUZUKI_SMTP_PORT to a free one" in str(refused.value)
    checks.check_ports(Settings(**checks.free_ports()))


@pytest.mark.parametrize(
    ("useradd", "why"),
    [(None, "No such file or directory: 'useradd'"), ("echo 'cannot lock /etc/passwd' >&2; exit 10", "cannot lock")],
)
def test_root_without_a_user_for_postgres_is_asked_to_make_one(
    useradd: str | None, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if useradd:
        program = tmp_path / "useradd"
        program.write_text(f"#!/bin/sh\n{useradd}\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(postgres, "SERVER_USER", "nobody_of_this_name")
    with pytest.raises(
        PostgresError, match=rf"nobody_of_this_name could not be made \(.*{why}.*\): make that user, or"
    ):
        postgres.prepare(tmp_path / "state" / "postgres", tmp_path / "state" / "socket", say)
    assert not (tmp_path / "state" / "postgres").exists()


def test_of_several_servers_at_once_one_makes_the_user_and_the_others_find_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two `useradd` at once may lose one of two users."""
    made = tmp_path / "made"
    program = tmp_path / "useradd"
    program.write_text(f"#!/bin/sh\nsleep 0.3\necho made >> {made}\n")
    program.chmod(0o755)

    def entry(name: str) -> pwd.struct_passwd:
        if not made.exists():
            raise KeyError(name)
        return pwd.getpwuid(os.getuid())

    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(pwd, "getpwnam", entry)
    with ThreadPoolExecutor() as servers:
        commands = [servers.submit(postgres.command, tmp_path, tmp_path) for _ in range(4)]
    assert [each.result().account["user"] for each in commands] == [os.getuid()] * 4
    assert made.read_text() == "made\n"


def test_root_reads_once_which_folders_are_opened_on_the_way_to_the_server_s_files(tmp_path: Path) -> None:
    said: list[str] = []
    home, state_dir = tmp_path / "home", tmp_path / "home" / "state"
    state_dir.mkdir(parents=True)
    for folder in (tmp_path, home, state_dir):
        folder.chmod(0o750)
    for _ in range(2):
        postgres._let_pass([state_dir], said.append)
    assert [folder.stat().st_mode & 0o777 for folder in (tmp_path, home, state_dir)] == [0o751] * 3
    [line] = said
    assert line.startswith(
        f"Postgres does not run as root: any user may now walk through (chmod o+x) {home}, {tmp_path}"
    )
    assert str(state_dir) not in line
