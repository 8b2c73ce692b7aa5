"""The commands of README and documents, as they stand there: each can be given so, and does what its comment says."""

import asyncio
import os
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer import BadParameter
from typer.core import TyperGroup
from typer.main import get_command

from workers.cli import app

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "README.ja.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMAND = get_command(app)


def blocks(document: Path) -> list[list[str]]:
    """Return the lines of each block that people type into a shell."""
    text = document.read_text(encoding="utf-8")
    return [block.strip().splitlines() for block in re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE)]


def ours(lines: list[str]) -> Iterator[tuple[list[str], str]]:
    """Return the arguments of each of our own commands, and its comment."""
    for line in lines:
        typed, _, comment = line.partition("   #")
        typed = re.sub(r"^(?:\w+=\S+ )+", "", typed.strip())
        if found := re.match(r"(?:\.venv/bin/)?tetsuzuki (.*)", re.split(r"  # | > | \| ", typed)[0]):
            yield shlex.split(found[1]), comment or typed.partition("  # ")[2]


def read(arguments: list[str]) -> None:
    """Let the command line read what was typed, and do nothing. Raises what a user would be shown."""
    command, name, rest = COMMAND, "tetsuzuki", arguments
    context = None
    while isinstance(command, TyperGroup):
        context = command.make_context(name, list(rest), parent=context, resilient_parsing=True)
        found, subcommand, rest = command.resolve_command(context, list(rest))
        assert subcommand is not None
        name, command = str(found), subcommand
    command.make_context(name, list(rest), parent=context)


EVERY = [
    pytest.param(arguments, id=f"{document.name}: {' '.join(arguments)[:60]}")
    for document in DOCUMENTS
    for block in blocks(document)
    for arguments, _ in ours(block)
]


@pytest.mark.robustness("commands of documents")
@pytest.mark.parametrize("arguments", EVERY)
def test_every_command_of_a_document_can_be_given_as_it_stands_there(arguments: list[str]) -> None:
    try:
        read(arguments)
    except BadParameter as refused:
        assert "does not exist" in str(refused)  # noqa: PT017 a file of the reader's own


def test_there_are_commands_to_try() -> None:
    assert len(EVERY) > 8


async def run(arguments: list[str], database_url: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "workers", *arguments),
        env=os.environ | {"TETSUZUKI_DATABASE_URL": database_url},
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


@pytest.mark.robustness("commands of documents")
@pytest.mark.parametrize("document", [ROOT / "README.md", ROOT / "README.ja.md"], ids=lambda file: file.name)
async def test_the_readme_s_commands_do_what_they_say_in_their_order(document: Path, database_url: str) -> None:
    lines = [(arguments, comment) for block in blocks(document) for arguments, comment in ours(block)]
    assert lines
    for arguments, comment in lines:
        code, output = await run(arguments, database_url)
        is_refused = re.search("refuse|fails|断られ|失敗", comment) is not None
        assert (code != 0) is is_refused, (arguments, comment, output)
        if arguments[0] == "due-date":
            assert output.strip() == comment.strip().partition(":")[0]
        if arguments[0] == "load":
            assert "登録できなかった行 0件" in output
