"""`python -m bench` on a stack of its own, with few applications: which figures there are, not how good they are."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


async def bench(*arguments: str) -> tuple[int | None, list[str]]:
    """The exit code, and the lines on stdout."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench", *arguments, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
    return process.returncode, output.decode().splitlines()


@pytest.mark.long
@pytest.mark.stack
async def test_the_last_line_has_the_figures_of_the_parts_that_were_measured() -> None:
    code, lines = await bench("--only", "bare,events", "--applications", "2", "--rounds", "1")
    assert code == 0
    figures = json.loads(lines[-1])
    skipped = {"dbos_ratio", "storage_kb_per_open_case", "burst_cpu_ratio", "form_p99_ratio"}
    skipped |= {"encryption_ratio", "telemetry_ratio"}
    assert {name for name, value in figures.items() if value is None} == skipped
    assert figures["events_to_closed"] > figures["events_to_notice"] > 0


async def test_an_unknown_part_is_refused_before_anything_starts() -> None:
    assert await bench("--only", "bare,everything") == (2, [])
