"""A change to the source of a procedure, as somebody makes it, and what the tests of each commit say to it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COPIED = ("activities", "bench", "docs/examples", "models", "tests", "web", "workers", "workflows", "pyproject.toml")
STEPS = Path("workflows", "yayoi", "office_steps.py")
BEFORE = "        self._view.enter(Stage.REMEMBER_LINKS)\n"
ONE_STEP_MORE = BEFORE + "        await self.look_at_sharing()\n"
PATCHED = f"""{BEFORE}        if workflow.patched("look-at-sharing-before-the-links"):
            await self.look_at_sharing()
"""
GUARDS = ("tests/replay/test_replay.py", "-k", "completed_at_once or cancelled_before_the_notice")
"""Some of the histories that `make test` replays, with the tests that it takes."""


def tried(folder: Path, changed: str) -> subprocess.CompletedProcess[str]:
    """Run the guards on a copy of the source in which one place is another."""
    (folder / "docs").mkdir()
    for name in COPIED:
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, folder / name)
    source = (folder / STEPS).read_text(encoding="utf-8")
    assert source.count(BEFORE) == 1
    assert "from temporalio import workflow\n" in source
    (folder / STEPS).write_text(source.replace(BEFORE, changed), encoding="utf-8")
    options = ("-m", "not long", "-n", "0", "-q", "-p", "no:cacheprovider")
    command = [sys.executable, "-m", "pytest", *options, *GUARDS]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603


@pytest.mark.long
@pytest.mark.parametrize(
    ("changed", "passes"),
    [(BEFORE, True), (ONE_STEP_MORE, False), (PATCHED, True)],
    ids=["unchanged", "one step more", "one step more behind a patch"],
)
def test_one_step_more_in_the_source_fails_the_tests_unless_it_is_patched(
    changed: str, passes: bool, tmp_path: Path
) -> None:
    done = tried(tmp_path, changed)
    assert (done.returncode == 0) == passes, done.stdout
    if not passes:
        assert "test_committed_history_replays[completed_at_once.office]" in done.stdout
        assert "Nondeterminism" in done.stdout or "Failed decoding" in done.stdout
        assert "test_committed_history_replays[completed_at_once.application]" not in done.stdout  # it has no such step
