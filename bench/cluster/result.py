"""The one result file of `make cluster-test` and `make cluster-bench`, from which the documents' tables are made."""

import json
import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from bench.cluster import versions
from workers.stack import postgres

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docs" / "cluster-result.json"


def read() -> dict[str, Any]:
    """Return what was found so far; nothing before the first run."""
    return dict(json.loads(FILE.read_text(encoding="utf-8"))) if FILE.exists() else {}


def write(result: dict[str, Any]) -> None:
    unfinished = FILE.with_suffix(".new")
    unfinished.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    unfinished.replace(FILE)


def of_these_versions() -> dict[str, Any]:
    """Return what was found so far with today's versions on this machine, at whatever commit; else nothing yet."""
    found, here = read(), _of_this_run()
    if any(found.get(name) != value for name, value in here.items()):
        return here | {"rate": None, "suite": {}, "trials": {}}
    return found


def _of_this_run() -> dict[str, Any]:
    return {
        "versions": {
            "Temporal server": versions.SERVER,
            "Temporal server before": versions.SERVER_BEFORE,
            "Temporal Web UI": versions.WEB_UI,
            "Temporal SDK": version("temporalio"),
            "PostgreSQL": postgres.MAJOR,
            "Python": platform.python_version(),
        },
        "machine": {"cores": os.cpu_count(), "memory_gib": round(psutil.virtual_memory().total / 2**30)},
    }


def commit() -> str:
    """Return the commit of this checkout, marked if something in it is not committed."""
    head = _git("rev-parse", "--short=12", "HEAD")
    changed = _git("status", "--porcelain", "--", ".", f":!{FILE.relative_to(ROOT)}", ":!docs/*.md")
    return f"{head or 'unknown'}{'-changed' if changed else ''}"


def _git(*arguments: str) -> str:
    command = ["git", *arguments]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    return said.stdout.strip()
