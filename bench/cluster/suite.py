"""The test suite on a cluster, in slices: each on stores of its own, so that numbers of cases are used once."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from bench.cluster import versions
from bench.cluster.cluster import Cluster, ClusterPlan
from bench.cluster.not_run import NOT_RUN
from bench.cluster.programs import server_programs, web_ui_program
from workers.program import say

ROOT = Path(__file__).parents[2]
_FILES_AT_MOST = 12
"""Of one slice: what was interrupted is done again from its beginning."""
_NOT_HERE = {"cluster", "support"}


@dataclass(frozen=True)
class Tested:
    """What one run of pytest found."""

    passed: int
    failed: int
    skipped: int
    seconds: int
    failures: list[str]
    facts: dict[str, str]
    """What tests said of themselves."""


def slices(files: Sequence[str] = ()) -> dict[str, list[str]]:
    """Return every test file, or those given, by the name of its slice."""
    chosen = [Path(file) for file in files] or sorted(
        file.relative_to(ROOT) for file in (ROOT / "tests").rglob("test_*.py")
    )
    folders: dict[str, list[str]] = {}
    for file in chosen:
        name = "-".join(file.parts[1:-1])
        if file.parts[1] not in _NOT_HERE:
            folders.setdefault(name, []).append(str(file))
    return {
        f"{name}-{first // _FILES_AT_MOST + 1}": of_folder[first : first + _FILES_AT_MOST]
        for name, of_folder in folders.items()
        for first in range(0, len(of_folder), _FILES_AT_MOST)
    }


async def run_slice(files: Sequence[str], folder: Path, junit: Path) -> Tested:
    """Run these files on a new cluster."""
    plan = ClusterPlan(folder, server_programs(versions.SERVER), web_ui_program(versions.WEB_UI))
    async with Cluster(plan) as cluster:
        on_it = ["--temporal-cluster", cluster.address, "--temporal-web-ui", cluster.web_ui_address]
        skipped = [part for name in NOT_RUN for part in ("--deselect", name)]
        return run_pytest([*on_it, *skipped, "-m", "not long", *files], junit)


def run_pytest(arguments: Sequence[str], junit: Path) -> Tested:
    """Run pytest in a process of its own, and read what it has found."""
    junit.parent.mkdir(parents=True, exist_ok=True)
    junit.unlink(missing_ok=True)
    common = ["-n", "0", "-q", "-p", "no:cacheprovider", "-o", "junit_family=xunit1", f"--junitxml={junit}"]
    begun = time.monotonic()
    ended = subprocess.run(  # noqa: S603 ourselves
        [sys.executable, "-m", "pytest", *common, *arguments], cwd=ROOT, env=os.environ, check=False
    )
    seconds = int(time.monotonic() - begun)
    if not junit.exists():
        raise RuntimeError(f"pytest ended with {ended.returncode} and left nothing")
    return read(junit, seconds)


def read(junit: Path, seconds: int) -> Tested:
    """Count what a file of pytest holds."""
    passed = skipped = 0
    failures: list[str] = []
    facts: dict[str, str] = {}
    for case in ET.parse(junit).iter("testcase"):  # noqa: S314 pytest wrote it
        name = f"{case.get('file') or case.get('classname')}::{case.get('name')}"
        kinds = {child.tag for child in case}
        if kinds & {"failure", "error"}:
            failures.append(name)
        elif "skipped" in kinds:
            skipped += 1
        else:
            passed += 1
        for each in case.iter("property"):
            facts[each.get("name", "")] = each.get("value", "")
    say(f"{junit.stem}: {passed} passed, {len(failures)} failed, {skipped} skipped in {seconds} s")
    return Tested(passed, len(failures), skipped, seconds, sorted(failures), facts)
