"""A command speaks one language, its reader's: operators' Japanese, engineers' English; refusals included."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from workers.program import TO_ENGINEERS

COMMANDS = Path(__file__).parents[2] / "workers" / "commands"
JAPANESE = re.compile("[ぁ-んァ-ヶ一-鿿]")
WORDS = re.compile("[A-Za-z]{3,} [a-z]{2,}")
SAYS = {"ClearError", "say", "_say", "write", "print"}
BOTH = {
    "act.py": "an engineer's command: what the case says is the operators' Japanese",
    "acting.py": "who acts, for commands of both",
}


def said_in(file: Path) -> list[str]:
    """Every text that a command shows, as far as it stands in its source."""
    said = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in SAYS:
            for argument in node.args:
                literals = [each.value for each in ast.walk(argument) if isinstance(each, ast.Constant)]
                said.append("".join(each for each in literals if isinstance(each, str)))
    return [text for text in said if JAPANESE.search(text) or WORDS.search(text)]


OF_MACHINERY = pytest.mark.robustness("words of the machinery")


@OF_MACHINERY
@pytest.mark.parametrize("file", sorted(COMMANDS.glob("*.py")), ids=lambda file: file.name)
def test_a_command_speaks_one_language(file: Path) -> None:
    said = said_in(file)
    if file.name not in BOTH:
        assert len({bool(JAPANESE.search(text)) for text in said}) <= 1, said


OF_OPERATORS = {"webhooks", "forms", "myics", "relink", "reconcile", "registry", "operators", "person"}


def test_those_of_operators_speak_japanese() -> None:
    for name in OF_OPERATORS:
        assert all(JAPANESE.search(text) for text in said_in(COMMANDS / f"{name}.py")), name


@OF_MACHINERY
def test_what_only_an_engineer_can_correct_is_said_to_operators_in_japanese(tmp_path: Path) -> None:
    """By every one of their commands: a database that is away says so in the engineers' English."""
    nowhere = {"TETSUZUKI_DATABASE_URL": f"postgresql+asyncpg://nobody@/none?host={tmp_path}"}
    for arguments in (("webhooks", "list"), ("smart-import", "run", "b0000002-0000-4000-8000-000000000002")):
        ended = subprocess.run(  # noqa: S603 our own
            [sys.executable, "-m", "workers", *arguments],
            env=os.environ | nowhere,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 1
        assert ended.stderr.startswith(f"error: {TO_ENGINEERS}"), ended.stderr
    ways = {"run_command": False, "run_for_operators": True}
    for file in (COMMANDS.parent / "cli.py", *COMMANDS.glob("*_cli.py")):
        for command in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(command, ast.FunctionDef):
                imported = {
                    name
                    for each in ast.walk(command)
                    if isinstance(each, ast.ImportFrom) and each.module
                    for name in (each.module.rpartition(".")[2], *(alias.name for alias in each.names))
                }
                called = {ways[each.id] for each in ast.walk(command) if isinstance(each, ast.Name) and each.id in ways}
                assert called <= {bool(imported & OF_OPERATORS)}, (file.name, command.name)
