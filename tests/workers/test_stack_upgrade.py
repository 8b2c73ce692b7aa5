"""A stack with open cases is started again with other code: cases follow to it, unless it would break one."""

import asyncio
import re
import sys
from pathlib import Path

import pytest

from models.yayoi.identifiers import office_workflow_id
from models.yayoi.messages import Outcome
from models.yayoi.procedures import Stage
from tests.support.environment import OFFICE_C
from tests.support.running_stack import running
from tests.support.stack_cases import LINKS_C, Case, Outside, load_examples
from tests.support.versions import copied_code, follows
from workers import temporal
from workers.build_id import build_id, code_hash
from workers.settings import Settings
from workers.stack.places import Places
from workers.stack.stack_settings import alone, environment

pytestmark = [pytest.mark.stack, pytest.mark.long]

HARMLESS = "\n# Nothing that a case would notice.\n"
BREAKING = """
steps = OfficeSteps
steps.remember_links, steps.issue_contract_id = steps.issue_contract_id, steps.remember_links
"""
"""The steps of every case in another order."""


def changed_code(into: Path, addition: str) -> str:
    """Make a build with this added to the steps of an office; returns its id."""
    packages = copied_code(into)
    [steps] = into.rglob("office_steps.py")
    steps.write_text(steps.read_text(encoding="utf-8") + addition, encoding="utf-8")
    version, _, _ = build_id(Settings()).rpartition("-")
    return f"{version}-{code_hash(packages)}"


async def refused(settings: Settings, code: Path) -> str:
    """Run `tetsuzuki up` of this code to its end, which is a failure; returns what it says."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "workers", "up"),
        env=environment(settings),
        cwd=code,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 1
    return said.decode()


async def test_open_cases_follow_to_the_next_build_and_one_that_would_break_them_does_not_start(
    state_dir: Path, tmp_path: Path
) -> None:
    settings = alone(state_dir)
    outside = Outside(settings)
    old = build_id(Settings())
    broken, new = changed_code(tmp_path / "broken", BREAKING), changed_code(tmp_path / "new", HARMLESS)
    async with running(settings, tmp_path / "first"):
        await load_examples(settings)
        application_no = await outside.apply(OFFICE_C)
        case = Case(settings, outside, application_no)
        await case.rests_at(1, Stage.SHARING)
        assert await temporal.current_build(await temporal.connect(settings), settings) == old

    said = await refused(settings, tmp_path / "broken")
    assert f"replay check failed: build {broken} would break 1 of 2 open cases" in said
    assert f"the current build is still {old}.\n  {office_workflow_id(application_no, 1)}: " in said

    async with running(settings, tmp_path / "second", tmp_path / "new"):
        client = await temporal.connect(settings)
        assert await temporal.current_build(client, settings) == new
        await outside.report("sharing_released", office_token=OFFICE_C[1])
        await case.rests_at(1, Stage.SET_UP)
        await case.customer_sets_up(1, *LINKS_C)
        outcome = await case.result()
        assert [office.outcome for office in outcome.offices] == [Outcome.COMPLETED]
        assert len(await case.issued()) == len(await case.notices()) == 1
        assert await follows(client.get_workflow_handle(office_workflow_id(application_no, 1)), new)
    worked = re.findall("working as build (.+)", (Places(state_dir).logs / "worker.log").read_text(encoding="utf-8"))
    assert worked == [old, new]
