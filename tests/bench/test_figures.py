"""The last line of `make bench`: what programs read."""

import json
from dataclasses import fields

from bench.figures import Figures, median_or_none

NAMES = [
    "notice_per_s",
    "bare_ratio",
    "dbos_ratio",
    "events_to_notice",
    "events_to_closed",
    "cpu_s_per_application",
    "worker_cpu_ratio",
    "temporal_cpu_ratio",
    "storage_kb_per_open_case",
    "burst_cpu_ratio",
    "form_p99_ratio",
    "encryption_ratio",
    "telemetry_ratio",
]


def test_the_line_is_one_line_of_json_with_every_figure() -> None:
    line = Figures(**{each.name: float(number) for number, each in enumerate(fields(Figures))}).line()
    assert "\n" not in line
    assert json.loads(line) == {name: number for number, name in enumerate(NAMES)}


def test_what_was_skipped_is_null() -> None:
    line = json.loads(Figures(notice_per_s=4.5).line())
    assert line == {name: 4.5 if name == "notice_per_s" else None for name in NAMES}


def test_a_figure_has_four_digits() -> None:
    line = json.loads(Figures(events_to_closed=237.96, bare_ratio=1.23456).line())
    assert (line["events_to_closed"], line["bare_ratio"]) == (238.0, 1.235)


def test_a_ratio_is_the_median_of_the_rounds_that_there_were() -> None:
    assert median_or_none([3.0, None, 1.0, 2.0]) == 2.0
    assert median_or_none([None]) is None
