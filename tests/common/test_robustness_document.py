"""Each kind of trouble that docs/robustness.md lists has the tests that it names, and no other test has the mark."""

import ast
import re
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "robustness.md"


def listed() -> dict[str, set[str]]:
    """Return the files with tests of each kind, as the table has them."""
    rows = [line.strip("| ").split(" | ") for line in DOCUMENT.read_text(encoding="utf-8").splitlines() if "|" in line]
    return {kind: set(re.findall(r"`(tests/[^`]+)`", tests)) for kind, _, _, tests in rows[2:]}


def marked() -> dict[str, set[str]]:
    """Return the files in which a mark names each kind."""
    found: dict[str, set[str]] = defaultdict(set)
    for file in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Attribute(attr="robustness"), args=[ast.Constant(value=str(kind))]):
                    found[kind].add(file.relative_to(ROOT).as_posix())
    return dict(found)


def test_every_kind_has_the_tests_that_the_document_names() -> None:
    assert marked() == listed()
    assert len(listed()) > 5
