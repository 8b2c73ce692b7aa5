"""`docs/asvs.md` answers each requirement of OWASP ASVS 5.0, levels 1 and 2, and what it says is met has its test."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
REQUIREMENTS = {
    1: "1.1 1.2 2.1 2.2 2.3 2.4 2.5 2.6 2.7 2.8 2.9 3.1 3.2 3.3 3.4 3.5 3.6 3.7 3.8 3.9 3.10 3.11 4.1 4.2 4.3 5.1 5.2",
    2: "1.1 1.2 1.3 2.1 2.2 2.3 3.1 3.2 3.3 3.4 4.1",
    3: "2.1 2.2 3.1 3.2 3.3 3.4 4.1 4.2 4.3 4.4 4.5 4.6 5.1 5.2 5.3 5.4 5.5 7.1 7.2",
    4: "1.1 1.2 1.3 2.1 3.1 3.2 4.1 4.2 4.3 4.4",
    5: "1.1 2.1 2.2 2.3 3.1 3.2 4.1 4.2 4.3",
    6: "1.1 1.2 1.3 2.1 2.2 2.3 2.4 2.5 2.6 2.7 2.8 2.9 2.10 2.11 2.12 3.1 3.2 "
    "3.3 3.4 4.1 4.2 4.3 4.4 5.1 5.2 5.3 5.4 5.5 6.1 6.2 6.3 8.1 8.2 8.3 8.4",
    7: "1.1 1.2 1.3 2.1 2.2 2.3 2.4 3.1 3.2 4.1 4.2 4.3 4.4 4.5 5.1 5.2 6.1 6.2",
    8: "1.1 1.2 2.1 2.2 2.3 3.1 4.1",
    9: "1.1 1.2 1.3 2.1 2.2 2.3 2.4",
    10: "1.1 1.2 2.1 2.2 3.1 3.2 3.3 3.4 4.1 4.2 4.3 4.4 4.5 4.6 "
    "4.7 4.8 4.9 4.10 4.11 5.1 5.2 5.3 5.4 5.5 6.1 6.2 7.1 7.2 7.3",
    11: "1.1 1.2 2.1 2.2 2.3 3.1 3.2 3.3 4.1 4.2 4.3 4.4 5.1 6.1",
    12: "1.1 1.2 1.3 2.1 2.2 3.1 3.2 3.3 3.4",
    13: "1.1 2.1 2.2 2.3 2.4 2.5 3.1 3.2 4.1 4.2 4.3 4.4 4.5",
    14: "1.1 1.2 2.1 2.2 2.3 2.4 3.1 3.2 3.3",
    15: "1.1 1.2 1.3 2.1 2.2 2.3 3.1 3.2 3.3 3.4 3.5 3.6 3.7",
    16: "1.1 2.1 2.2 2.3 2.4 2.5 3.1 3.2 3.3 3.4 4.1 4.2 4.3 5.1 5.2 5.3",
    17: "1.1 2.1 2.2 2.3 2.4 3.1 3.2",
}
"""The numbers of the standard, by chapter."""
ROWS = re.findall(
    r"^\| (\d+\.\d+\.\d+) \| (.+?) \| (.*) \|$", (ROOT / "docs/asvs.md").read_text(encoding="utf-8"), re.MULTILINE
)
STATES = {"met", "does not apply", "adopter's", "**not met**"}


@pytest.fixture(scope="module")
def tests() -> set[str]:
    """The names of all tests."""
    sources = (file.read_text(encoding="utf-8") for file in (ROOT / "tests").rglob("test_*.py"))
    return {name for source in sources for name in re.findall(r"def (test_\w+)", source)}


def test_every_requirement_is_there_once_and_nothing_else() -> None:
    wanted = [f"{chapter}.{number}" for chapter, numbers in REQUIREMENTS.items() for number in numbers.split()]
    assert len(wanted) == 253
    assert [number for number, _, _ in ROWS] == wanted


def test_what_is_met_names_its_tests_and_all_else_says_why_or_what_to_do(tests: set[str]) -> None:
    for number, state, text in ROWS:
        assert state in STATES, number
        named = re.findall(r"`(test_\w+)`", text)
        assert set(named) <= tests, number
        assert bool(named) == (state == "met"), number
        assert text.strip(), number


def test_what_is_not_met_names_a_rule_of_the_source_or_who_decides() -> None:
    for number, state, text in ROWS:
        if state == "**not met**":
            assert re.search(r"\b[YM]\d+", text), number
