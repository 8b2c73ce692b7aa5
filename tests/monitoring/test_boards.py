"""The boards' files are what the code makes, and ask for what there can be."""

import json
from pathlib import Path

import pytest
import yaml

from monitoring.boards import BOARDS, FOLDER, written
from monitoring.panels import CASES, TEMPORAL
from tests.support.prometheus import needs_prometheus, promtool

PANELS = {panel.title: panel for panel in (*TEMPORAL, *CASES)}


@pytest.mark.parametrize("name", BOARDS)
def test_a_board_s_file_is_what_the_code_makes(name: str) -> None:
    """`python -m monitoring` writes it anew."""
    assert (FOLDER / f"{name}.json").read_text(encoding="utf-8") == written(BOARDS[name])


def test_there_is_a_file_for_each_board_and_no_other() -> None:
    assert {file.stem for file in FOLDER.glob("*.json")} == BOARDS.keys()


def test_each_panel_says_what_it_shows_and_invents_no_value() -> None:
    for name in BOARDS:
        for panel in json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))["panels"]:
            assert panel["description"]
            assert panel["fieldConfig"]["defaults"]["unit"]
            for target in panel["targets"]:
                assert "vector(" not in target["expr"]
                assert target["legendFormat"]


@needs_prometheus
def test_prometheus_reads_every_expression(tmp_path: Path) -> None:
    rules = [
        {"record": f"panel_{number}", "expr": panel.expression.replace("$__rate_interval", "1m")}
        for number, panel in enumerate(PANELS.values())
    ]
    file = tmp_path / "panels.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}), encoding="utf-8")
    promtool("check", "rules", str(file))
