"""What is made up and sent to the running applications: the corpus first, then some examples, always the same ones."""

import asyncio

import pytest

from tests.fuzz.target import FuzzTarget
from tests.fuzz.web_requests import WebRequests

EXAMPLES = [10, pytest.param(400, marks=pytest.mark.long)]


@pytest.mark.robustness("made-up input")
@pytest.mark.parametrize("number", EXAMPLES)
async def test_whatever_is_sent_is_answered_as_people_and_systems_expect(
    web_requests: WebRequests, number: int
) -> None:
    for target in web_requests.targets():
        await asyncio.to_thread(_try, target, number)


def _try(target: FuzzTarget, number: int) -> None:
    for file in target.corpus():
        try:
            target.check(file.read_bytes())
        except Exception as error:
            raise AssertionError(f"{target.name}: {file.name}") from error
    target.try_examples(number)
