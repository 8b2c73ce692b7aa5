"""What is said of a cluster: of one version everywhere, and as the result file has it."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench.batch import Batch
from bench.cluster import document, programs, result, suite, versions
from bench.cluster.__main__ import Progress
from bench.cluster.environment import write_dynamic_config
from bench.cluster.not_run import MOST, NOT_RUN
from bench.cluster.programs import GoMissingError, server_programs
from bench.cluster.rate import ClusterRound, figures
from bench.cluster.sizing import SHARDS, needed
from bench.cluster.suite import read, slices
from workers import wiring
from workers.database import CONNECTIONS_AT_MOST
from workers.stack import postgres, temporal_server
from workers.wiring.root import STEPS_AT_ONCE

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
TEMPORAL = {"temporal frontend-1": 2.0, "temporal history-1": 3.0, "temporal postgres": 5.0}


def test_dev_server_compose_and_cluster_are_of_one_version() -> None:
    said = subprocess.run([temporal_server.binary(), "--version"], capture_output=True, text=True, check=True)  # noqa: S603
    [(server, web_ui)] = re.findall(r"\(Server ([\d.]+), UI ([\d.]+)\)", said.stdout)
    assert (server, web_ui) == (versions.SERVER, versions.WEB_UI)
    assert COMPOSE["temporal"]["image"] == f"temporalio/server:{versions.SERVER}"
    assert COMPOSE["temporal-ui"]["image"] == f"temporalio/ui:{versions.WEB_UI}"
    assert versions.SERVER_BEFORE < versions.SERVER


def test_the_tables_are_made_from_the_result_file() -> None:
    found = result.read()
    for file, parts in (
        (document.CLUSTER, document.cluster_parts(found)),
        (document.SIZING, document.sizing_parts(found)),
    ):
        text = file.read_text(encoding="utf-8")
        for name, part in parts.items():
            assert f"<!-- {name} -->\n{part}\n<!-- /{name} -->" in text, f"python -m bench.cluster table: {name}"


def test_what_is_not_run_are_few_tests_that_there_are_each_with_a_reason() -> None:
    assert len(NOT_RUN) <= MOST
    for name, why in NOT_RUN.items():
        file, _, test = name.partition("::")
        assert not test or f"def {test.partition('[')[0]}(" in (ROOT / file).read_text(encoding="utf-8")
        assert len(why) > 20


def test_every_test_file_is_in_one_slice() -> None:
    every = [file for of_slice in slices().values() for file in of_slice]
    assert len(every) == len(set(every))
    there = {str(file.relative_to(ROOT)) for file in (ROOT / "tests").rglob("test_*.py")}
    assert set(every) == there


def test_without_go_it_is_said_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GoMissingError, match="built with Go, which is not installed here"):
        server_programs(versions.SERVER)
    folder = programs._cache() / f"server-{versions.SERVER}"
    folder.mkdir(parents=True)
    for name in ("server", "sql"):
        (folder / name).touch()
    assert server_programs(versions.SERVER).sql == folder / "sql"  # what is built is not built again


def test_a_cluster_lets_time_be_skipped_as_the_dev_server_does(tmp_path: Path) -> None:
    write_dynamic_config(tmp_path / "dynamic.yaml")
    written = yaml.safe_load((tmp_path / "dynamic.yaml").read_text())
    options = [*temporal_server.TIME_SKIPPING, *temporal_server.BROKEN_CASES_AT_ONCE]
    assert {text.partition("=")[0] for text in options if "=" in text} <= written.keys()
    assert written["frontend.WorkflowTimeSkippingEnabled"] == [{"value": True}]
    assert written["history.timerProcessorMaxTimeShift"] == [{"value": "10ms"}]


def test_a_junit_file_is_counted_with_what_tests_said_of_themselves(tmp_path: Path) -> None:
    (tmp_path / "one.xml").write_text(
        "<testsuites><testsuite>"
        '<testcase file="tests/a.py" name="good"><properties><property name="cases" value="3"/></properties></testcase>'
        '<testcase file="tests/a.py" name="bad"><failure/></testcase>'
        '<testcase file="tests/a.py" name="broken"><error/></testcase>'
        '<testcase file="tests/a.py" name="not here"><skipped/></testcase>'
        "</testsuite></testsuites>"
    )
    tested = read(tmp_path / "one.xml", 5)
    assert (tested.passed, tested.failed, tested.skipped) == (1, 2, 1)
    assert tested.failures == ["tests/a.py::bad", "tests/a.py::broken"]
    assert tested.facts == {"cases": "3"}


def test_what_has_passed_at_this_commit_is_not_done_again_and_other_versions_count_for_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(result, "FILE", tmp_path / "result.json")
    monkeypatch.setattr(result, "commit", lambda: "now")
    passed, failed = suite.Tested(3, 0, 0, 5, [], {}), suite.Tested(2, 1, 0, 5, ["tests/a.py::bad"], {})
    progress = Progress(again=False)
    progress.keep("trials", "kills", passed)
    progress.keep("trials", "authorizer", failed)
    progress.keep("suite", "yayoi-1", passed, files=["tests/a.py"])

    interrupted = Progress(again=False)
    assert interrupted.is_done("trials", "kills")
    assert not interrupted.is_done("trials", "authorizer")
    assert not interrupted.is_done("trials", "version-change")
    assert interrupted.is_done("suite", "yayoi-1", files=["tests/a.py"])
    assert not interrupted.is_done("suite", "yayoi-1", files=["tests/a.py", "tests/b.py"])
    assert not Progress(again=True).is_done("trials", "kills")

    monkeypatch.setattr(result, "commit", lambda: "later")
    later = Progress(again=False)
    assert not later.is_done("trials", "kills")
    assert later.result["trials"]["kills"]["commit"] == "now"  # what was found is still said, with its commit
    monkeypatch.setattr(versions, "SERVER", "1.99.0")
    assert Progress(again=False).result["trials"] == {}


def batch(notified: float, cpu: dict[str, float]) -> Batch:
    return Batch(tuple(map(str, range(10))), 0.5, notified, cpu)


def rate() -> dict[str, Any]:
    ours = {"worker": 4.0, "web": 1.0, "postgres": 2.0, "sender": 9.0, "inbox": 9.0}
    one = ClusterRound(
        cluster=batch(10.0, ours | TEMPORAL), dev=batch(5.0, ours | {"temporal": 4.0}), bare=batch(20.0, TEMPORAL)
    )
    return figures([one]) | {"events_to_notice": 30.0, "events_to_closed": 60.0, "shards": 16, "commit": "abc"}


def test_a_rate_is_compared_with_the_dev_server_s_and_cpu_by_part() -> None:
    found = rate()
    assert (found["cluster_ratio"], found["bare_ratio"]) == (0.5, 2.0)
    assert found["cpu_ratio_by_part"] == {"worker": 1.0, "web": 1.0, "postgres": 1.0, "temporal": 2.5}
    assert found["cpu_s_of_temporal"] == {"frontend-1": 0.2, "history-1": 0.3, "postgres": 0.5}
    assert json.loads(json.dumps(found)) == found


def test_what_is_needed_grows_with_the_cases_and_is_planned_for_the_fullest_hour() -> None:
    few, many = needed(rate(), 100), needed(rate(), 20_000)
    assert (few.workers, few.webs) == (2, 2)
    # 5,000 within an hour, each 0.4 CPU s to the notice and twice that to its close, on cores that are busy for 60 %.
    assert many.workers == 2
    assert many.cores("our worker") == pytest.approx(20_000 / 4 / 3600 * 0.8 / 0.6)
    assert many.cores("Temporal") == pytest.approx(20_000 / 4 / 3600 * 1.0 / 0.6)
    assert few.connections == 6 * CONNECTIONS_AT_MOST
    assert many.shards <= SHARDS == int(COMPOSE["temporal"]["environment"]["NUM_HISTORY_SHARDS"])


def test_the_sizing_page_names_the_constants_of_the_program() -> None:
    text = document.SIZING.read_text(encoding="utf-8")
    assert f"tries {STEPS_AT_ONCE} steps at once" in text
    assert f"opens up to {CONNECTIONS_AT_MOST} to our PostgreSQL" in text
    assert "keeps 1,000 workflows" in text
    assert "max_cached_workflows: int = 1000" in Path(wiring.__file__).with_name("root.py").read_text(encoding="utf-8")


def test_the_support_table_names_what_is_tried() -> None:
    rows = dict(re.findall(r"^\| ([^|]+) \| ([^|]+) \|", (ROOT / "docs/support.md").read_text("utf-8"), re.MULTILINE))
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'requires-python = ">={rows["Python"].partition(" ")[0]}"' in project
    assert rows["PostgreSQL"].endswith(f" to {postgres.MAJOR}")
    assert COMPOSE["postgres"]["image"].startswith(f"postgres:{postgres.MAJOR}.")
    assert versions.SERVER.startswith(f"{rows['Temporal server']}.")
    assert versions.WEB_UI.startswith(f"{rows['Temporal Web UI']}.")
    assert f'"temporalio[pydantic]=={rows["Temporal Python SDK"]}.*"' in project
