"""What comes from outside, made up: the corpus first, then some examples, always the same ones.

`make fuzz` tries others, as long as it is let, and adds to the corpus what it finds.
"""

import pytest

from tests.fuzz.hostile_files import HOSTILE_FILES
from tests.fuzz.target import FuzzTarget
from tests.fuzz.targets import BY_NAME, TARGETS

MADE_UP = pytest.mark.robustness("made-up input")
each_target = pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
EXAMPLES = [20, pytest.param(500, marks=pytest.mark.long)]


@MADE_UP
@each_target
@pytest.mark.parametrize("number", EXAMPLES)
def test_whatever_comes_in_is_taken_or_refused_in_words(target: FuzzTarget, number: int) -> None:
    for file in target.corpus():
        try:
            target.check(file.read_bytes())
        except Exception as error:
            raise AssertionError(f"{target.name}: {file.name}") from error
    target.try_examples(number)


@MADE_UP
@pytest.mark.parametrize("name", HOSTILE_FILES)
def test_a_hostile_file_is_read_or_refused_by_every_reader(name: str) -> None:
    for target in TARGETS:
        if target.reads_files:
            try:
                target.check(HOSTILE_FILES[name])
            except Exception as error:
                raise AssertionError(f"{target.name}: {name}") from error


def test_every_target_has_a_name_of_its_own() -> None:
    assert len(BY_NAME) == len(TARGETS)
