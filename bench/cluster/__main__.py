"""`make cluster-test`, `make cluster-bench` and their tables: see docs/cluster.md."""

import argparse
import json
import os
import shutil
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.cluster import result, versions
from bench.cluster.document import write_documents
from bench.cluster.programs import server_programs, web_ui_program
from bench.cluster.rate import measure_cluster
from bench.cluster.suite import Tested, run_pytest, run_slice, slices
from workers.program import run, say

TRIALS = {
    "kills": "tests/cluster/kills.py",
    "authorizer": "tests/cluster/authorizer.py",
    "version-change": "tests/cluster/version_change.py",
}
PARTS = ("build", "suite", *TRIALS)


class Progress:
    """What of a run is done; the next run of the same commit goes on behind it. Of other versions nothing counts."""

    def __init__(self, *, again: bool) -> None:
        self.folder = Path(os.environ.get("TETSUZUKI_STATE_DIR") or ".tetsuzuki").absolute() / "cluster"
        self._again = again
        self._commit = result.commit()
        self.result = result.of_these_versions()

    def junit(self, name: str) -> Path:
        return self.folder / "junit" / f"{name.replace(' ', '-')}.xml"

    def is_done(self, part: str, name: str, **more: Any) -> bool:
        """Whether this has passed at this commit already."""
        done: dict[str, Any] = self.result[part].get(name, {"failed": None})
        wanted = {"failed": 0, "commit": self._commit} | more
        return not self._again and wanted.items() <= done.items()

    def keep(self, part: str, name: str, tested: Tested, **more: Any) -> None:
        self.result[part][name] = asdict(tested) | more | {"commit": self._commit}
        result.write(self.result)


async def test(parts: Sequence[str], files: Sequence[str], *, again: bool) -> int:
    """Do what is not done yet; return 1 if any test failed."""
    server_programs(versions.SERVER)
    web_ui_program(versions.WEB_UI)
    if "version-change" in parts:
        server_programs(versions.SERVER_BEFORE)
    progress = Progress(again=again)
    result.write(progress.result)
    if "suite" in parts:
        await _suite(progress, files)
    for name, file in TRIALS.items():
        if name in parts and not progress.is_done("trials", name):
            say(f"trial: {name}")
            progress.keep("trials", name, run_pytest([file], progress.junit(name)))
    write_documents()
    every = [*progress.result["suite"].values(), *progress.result["trials"].values()]
    return 0 if not any(each["failed"] for each in every) else 1


async def _suite(progress: Progress, files: Sequence[str]) -> None:
    every = slices()
    progress.result["test_files"] = sum(map(len, every.values()))
    for name, of_slice in (slices(files) if files else every).items():
        if progress.is_done("suite", name, files=of_slice):
            continue
        say(f"slice {name}: {len(of_slice)} files")
        folder = progress.folder / "running"
        shutil.rmtree(folder, ignore_errors=True)
        tested = await run_slice(of_slice, folder, progress.junit(name))
        progress.keep("suite", name, tested, files=of_slice)


async def bench(applications: int, rounds: int) -> None:
    measured = await measure_cluster(applications, rounds)
    found = result.of_these_versions()  # only now: the tests may have gone on meanwhile
    found["rate"] = measured | {"commit": result.commit()}
    result.write(found)
    write_documents()
    print(json.dumps(found["rate"]))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.cluster")
    commands = parser.add_subparsers(dest="command", required=True)
    tests = commands.add_parser("test", help="the test suite and what else is tried on a cluster")
    tests.add_argument("--only", default=",".join(PARTS), help=f"these parts alone, of {','.join(PARTS)}")
    tests.add_argument("--again", action="store_true", help="do what is done already again")
    tests.add_argument("files", nargs="*", help="test files of the suite; without any: all")
    rate = commands.add_parser("bench", help="the same batch on a cluster and on the dev server")
    rate.add_argument("--applications", type=int, default=40, help="of one batch (40)")
    rate.add_argument("--rounds", type=int, default=5, help="how often the two take turns (5)")
    commands.add_parser("table", help="write the documents' tables from the result file")
    arguments = parser.parse_args()
    does: dict[str, Callable[[], Coroutine[Any, Any, int | None]]] = {
        "test": lambda: test(arguments.only.split(","), arguments.files, again=arguments.again),
        "bench": lambda: bench(arguments.applications, arguments.rounds),
    }
    if arguments.command == "table":
        write_documents()
        return 0
    if arguments.command == "test" and (unknown := set(arguments.only.split(",")) - set(PARTS)):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    return run(does[arguments.command]())


if __name__ == "__main__":
    raise SystemExit(main())
