"""The tables of docs/cluster.md and docs/sizing.md, made from the result file (`python -m bench.cluster table`)."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from bench.cluster import result
from bench.cluster.not_run import NOT_RUN
from bench.cluster.sizing import LOADS, Needed, needed

ROOT = Path(__file__).parents[2]
CLUSTER, SIZING = ROOT / "docs" / "cluster.md", ROOT / "docs" / "sizing.md"
_TRIED = {
    "kills": "each process killed (`kill -9`) while cases run, twice; two of our workers",
    "authorizer": "TLS and the authorizer of Docker Compose",
    "version-change": "a new version of Temporal, process by process, with open cases",
}


def write_documents() -> None:
    """Replace what stands between the marks."""
    found = result.read()
    for file, parts in ((CLUSTER, cluster_parts(found)), (SIZING, sizing_parts(found))):
        text = file.read_text(encoding="utf-8")
        for name, part in parts.items():
            text = _replaced(text, name, part)
        file.write_text(text, encoding="utf-8")


def _replaced(text: str, name: str, part: str) -> str:
    mark = rf"(<!-- {name} -->\n).*?(\n<!-- /{name} -->)"
    new, count = re.subn(mark, lambda found: f"{found[1]}{part}{found[2]}", text, flags=re.DOTALL)
    if count != 1:
        raise ValueError(f"the document has no place for {name}")
    return new


def cluster_parts(found: dict[str, Any]) -> dict[str, str]:
    return {"what": _what(found), "tried": _tried(found), "not run": _not_run(), "rate": _rate(found.get("rate"))}


def sizing_parts(found: dict[str, Any]) -> dict[str, str]:
    rate = found.get("rate")
    if not rate:
        return {"measured": "Not measured yet.", "table": "Not measured yet."}
    measured = _table(
        ["", "CPU seconds for one case"],
        [(name, f"{seconds:.2f}") for name, seconds in needed(rate, LOADS[0]).cpu_of_a_case.items()],
    )
    columns = ["cases a day", "at the peak, a minute", *Needed.COLUMNS]
    return {"measured": measured, "table": _table(columns, [needed(rate, load).row() for load in LOADS])}


def _what(found: dict[str, Any]) -> str:
    if not found:
        return "Not run yet."
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    machine = found["machine"]
    return f"{versions}. {machine['cores']} cores, {machine['memory_gib']} GiB."


def _tried(found: dict[str, Any]) -> str:
    rows = []
    suite = found.get("suite", {})
    if suite:
        files = sum(len(each["files"]) for each in suite.values())
        commits = ", ".join(sorted({each["commit"] for each in suite.values()}))
        rows.append((f"the test suite, {files} of {found['test_files']} files", *_counts(suite.values()), "", commits))
    for name, what in _TRIED.items():
        if tested := found.get("trials", {}).get(name):
            facts = "; ".join(f"{key}: {value}" for key, value in tested["facts"].items())
            rows.append((what, *_counts([tested]), facts, tested["commit"]))
    columns = ["what was tried", "passed", "failed", "skipped", "minutes", "found", "at commit"]
    return _table(columns, rows) if rows else "Nothing yet."


def _counts(tested: Iterable[dict[str, Any]]) -> tuple[str, ...]:
    every = list(tested)
    counted = [sum(each[name] for each in every) for name in ("passed", "failed", "skipped")]
    return (*map(str, counted), f"{sum(each['seconds'] for each in every) / 60:.0f}")


def _not_run() -> str:
    return _table(["test", "why"], [(f"`{name}`", why) for name, why in NOT_RUN.items()]) if NOT_RUN else "None."


def _rate(rate: dict[str, Any] | None) -> str:
    if not rate:
        return "Not measured yet."
    ours, on_dev = rate["cpu_s_of_ours"], rate["cpu_s_of_ours_on_the_dev_server"]
    ratios, of_temporal = rate["cpu_ratio_by_part"], rate["cpu_s_of_temporal"]
    rates = (rate["notice_per_s"], rate["notice_per_s_on_the_dev_server"], rate["cluster_ratio"])
    rows = [
        ("applications per second to the last notice", *rates),
        *((f"CPU seconds: our {part}", seconds, on_dev[part], ratios[part]) for part, seconds in ours.items()),
        ("CPU seconds: Temporal with its stores", sum(of_temporal.values()), on_dev["temporal"], ratios["temporal"]),
        *((f"– {part}", seconds, None, None) for part, seconds in of_temporal.items()),
    ]
    columns = ["for one application", "cluster", "dev server", "cluster ÷ dev server"]
    table = _table(columns, [(what, *map(_number, numbers)) for what, *numbers in rows])
    return (
        f"Medians of {rate['rounds']} rounds of {rate['applications']} applications at commit {rate['commit']}, "
        f"{rate['shards']} shards.\n\n{table}\n\n"
        f"On the cluster ours does {rate['bare_ratio']:.2f} times as many applications per second as bare workflows "
        "with the commands of commit 2bccf77, measured in the same rounds."
    )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---", *("---:" if each else "---" for each in columns[1:])], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
