"""A command speaks one language, its reader's: operators' Japanese, engineers' English; refusals included."""

import ast
import re
from pathlib import Path

import pytest

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


@pytest.mark.robustness("words of the machinery")
@pytest.mark.parametrize("file", sorted(COMMANDS.glob("*.py")), ids=lambda file: file.name)
def test_a_command_speaks_one_language(file: Path) -> None:
    said = said_in(file)
    if file.name not in BOTH:
        assert len({bool(JAPANESE.search(text)) for text in said}) <= 1, said


def test_those_of_operators_speak_japanese() -> None:
    for name in ("webhooks.py", "forms.py", "myics.py", "relink.py", "reconcile.py", "operators.py", "person.py"):
        assert all(JAPANESE.search(text) for text in said_in(COMMANDS / name)), name
