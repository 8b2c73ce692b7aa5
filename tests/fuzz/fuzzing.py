"""`make fuzz MINUTES=10`: tries made-up inputs, others each time, and writes each that fails into the corpus.

Not collected by `make test`, which tries the corpus and some examples that stay the same (`test_fuzz.py`).
"""

import asyncio
import os
import random
import sys
import time
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.fuzz.target import CORPUS, FoundError, FuzzTarget
from tests.fuzz.targets import TARGETS
from tests.fuzz.web_requests import WebRequests
from tests.support.serving import served

EXAMPLES_A_TURN = 100
_FOR_SYSTEMS = 0.15
"""The share of the time in which schemathesis tries the API."""


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _take_turns(targets: Sequence[FuzzTarget], seed: int, until: float) -> list[str]:
    """Try all targets in turn; one that has failed is left out. Return what was found."""
    found: list[str] = []
    failed: set[str] = set()
    tried = 0
    while time.monotonic() < until and len(failed) < len(targets):
        for number, target in enumerate(targets):
            if target.name in failed or time.monotonic() >= until:
                continue
            try:
                target.try_examples(EXAMPLES_A_TURN, seed + tried * len(targets) + number)
            except FoundError as error:
                failed.add(target.name)
                file = target.keep(error.found)
                found.append(f"{target.name}: {file.relative_to(CORPUS.parents[1])}: {error.__cause__!r}"[:1000])
                _say(f"FOUND {found[-1]}")
        tried += 1
    _say(f"{tried} turns of {EXAMPLES_A_TURN} examples for each of {len(targets)} targets")
    return found


@pytest.mark.timeout(0)
async def test_fuzz(web_requests: WebRequests, request: pytest.FixtureRequest) -> None:
    minutes = request.config.getoption("--fuzz-minutes")
    seed = request.config.getoption("--fuzz-seed")
    seed = random.SystemRandom().randrange(2**32) if seed is None else seed
    _say(f"fuzzing for {minutes} minutes; the same again: make fuzz MINUTES={minutes} SEED={seed}")
    until = time.monotonic() + 60 * minutes * (1 - _FOR_SYSTEMS)
    targets = [*TARGETS, *web_requests.targets()]
    found = await asyncio.to_thread(_take_turns, targets, seed, until)
    found += await _api(web_requests, seed, 60 * minutes * _FOR_SYSTEMS)
    assert not found, "\n".join(found)


async def _api(requests: WebRequests, seed: int, seconds: float) -> list[str]:
    """Let schemathesis try the API; what it says of a failure is kept in the corpus, for people to read."""
    async with served(requests.app) as address:
        trying = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{address}/openapi.json"),
            *("--checks", "all", "--exclude-checks", "positive_data_acceptance"),
            *("--seed", str(seed), "--max-time", str(max(1, int(seconds))), "--continue-on-failure", "--no-color"),
            stdout=PIPE,
            stderr=STDOUT,
            env={**os.environ, "HYPOTHESIS_STORAGE_DIRECTORY": os.devnull},
        )
        output, _ = await trying.communicate()
    if trying.returncode == 0:
        return []
    file = CORPUS / "API" / f"{seed}.txt"
    await asyncio.to_thread(_write, file, output)
    return [f"API: {file.relative_to(CORPUS.parents[1])}"]


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
