"""How Docker Compose's stores are copied and brought back: each command of the document is one that can be given."""

import asyncio
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import asyncpg
import pytest
import yaml
from typer.main import get_command

from tests.support.scratch import scratch_server
from workers.cli import app
from workers.stack.postgres import postgres_program

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
DOCUMENT = (ROOT / "docs/backup-and-restore.md").read_text(encoding="utf-8")
USES_THE_STORES = {"worker", "eraser", "web", "desk", "figures"}
WITH_A_VALUE = {"--user", "--volume", "--entrypoint"}
"""Of Compose's own options, those that the document gives a value."""
IN_THE_CONTAINER = "/tmp/"  # noqa: S108 of the container


def commands() -> Iterator[list[str]]:
    """Return what is given to Compose, in its order."""
    for block in re.findall(r"^```sh\n(.*?)^```", DOCUMENT, re.DOTALL | re.MULTILINE):
        for line in block.strip().splitlines():
            words = shlex.split(line)
            if words[:2] == ["docker", "compose"]:
                yield words[2:]


def place_and_program(command: list[str]) -> tuple[str, list[str]]:
    """Return in which service a program runs, and with which words."""
    words = iter(command[1:])
    for word in words:
        if word in WITH_A_VALUE:
            next(words)
        elif not word.startswith("--"):
            return word, list(words)
    raise AssertionError(command)


def ours() -> Iterator[tuple[str, list[str]]]:
    """Return our own commands, each with its service."""
    for command in commands():
        if command[0] in ("exec", "run"):
            service, program = place_and_program(command)
            entry = "tetsuzuki" if command[0] == "run" and "--entrypoint" not in command else program.pop(0)
            if entry == "tetsuzuki":
                yield service, program


def test_each_service_is_there_and_nothing_that_uses_the_stores_runs_while_they_are_made_to_fit() -> None:
    named = [command for command in commands() if command[0] in ("exec", "run")]
    assert {place_and_program(command)[0] for command in named} <= COMPOSE["services"].keys()
    [stopped] = [command[1:] for command in commands() if command[0] == "stop"]
    profiles = {name for name, service in COMPOSE["services"].items() if "profiles" in service}
    assert USES_THE_STORES - profiles <= set(stopped) <= COMPOSE["services"].keys()
    order = [command[0] for command in commands()]
    assert order[order.index("stop") :] == ["stop", "run", "up", "run", "up", "exec"]
    stores = next(command for command in commands() if command[0] == "up")
    assert [word for word in stores[1:] if not word.startswith("--")] == ["postgres", "temporal"]


def test_our_own_commands_can_be_given_where_they_are() -> None:
    given = list(ours())
    assert [program for _, program in given] == [["restore", "--in-place"], ["reconcile"]]
    for service, (name, *rest) in given:
        command = get_command(app).get_command(None, name)  # type: ignore[attr-defined]
        command.make_context(name, list(rest))
        environment = COMPOSE["services"][service]["environment"]
        assert {"TETSUZUKI_DATABASE_URL", "TETSUZUKI_TEMPORAL_ADDRESS", "TETSUZUKI_JOURNAL_FILE"} <= environment.keys()
    [made_to_fit, _] = given
    service = COMPOSE["services"][made_to_fit[0]]
    # As the schema's owner, with what opens the cases, and where the journal lies.
    assert "//tetsuzuki@" in service["environment"]["TETSUZUKI_DATABASE_URL"]
    assert {"journal:/journal", "master-keys:/keys/master"} <= set(service["volumes"])


def test_temporals_stores_are_dumped_before_our_own() -> None:
    dumps = [place_and_program(command)[1] for command in commands() if "pg_dump" in command]
    assert [words[-1] for words in dumps] == ["temporal", "temporal_visibility", "tetsuzuki"]


@pytest.fixture
def log_ins() -> Iterator[Path]:
    """Who may log in to Compose's Postgres, as a file that a server of another account reads."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "pg_hba.conf"
        file.write_text(COMPOSE["configs"]["postgres-log-ins"]["content"])
        for path in (file.parent, file):
            path.chmod(0o755)
        yield file


def run(argv: list[str]) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)  # noqa: S603 the document's own
    assert done.returncode == 0, done.stderr


async def test_a_server_with_composes_log_ins_is_copied_by_the_documents_commands(
    log_ins: Path, tmp_path: Path
) -> None:
    copied = []
    async with scratch_server("tetsuzuki", f"hba_file={log_ins}") as socket_dir:
        connection = await asyncpg.connect(user="postgres", database="postgres", host=str(socket_dir), ssl=False)
        await connection.execute("create role tetsuzuki superuser login")
        await connection.close()
        for name, *options in (place_and_program(command)[1] for command in commands() if command[0] == "exec"):
            if not name.startswith("pg_") or options[-1].startswith("temporal"):
                continue  # Temporal's own are not there
            there = [option.replace(IN_THE_CONTAINER, f"{tmp_path}/") for option in options]
            asks = [] if name == "pg_verifybackup" else ["--host", str(socket_dir)]
            await asyncio.to_thread(run, [str(postgres_program(name)), *asks, *there])
            copied.append(name)
    assert copied == ["pg_basebackup", "pg_verifybackup", "pg_dump"]
