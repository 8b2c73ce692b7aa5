"""The alert rules: as Prometheus reads them, each tried in time, each with a page that says what to do."""

import re
import shutil
from typing import Any

import pytest
import yaml

from tests.support.prometheus import MONITORING, checked, needs_prometheus, promtool
from web.common.measures import BUCKETS

RULES: dict[str, Any] = yaml.safe_load((MONITORING / "rules" / "tetsuzuki.yml").read_text(encoding="utf-8"))
ALERTS = {rule["alert"]: rule for group in RULES["groups"] for rule in group["rules"] if "alert" in rule}
RECORDED = {rule["record"] for group in RULES["groups"] for rule in group["rules"] if "record" in rule}
TRIED: dict[str, Any] = yaml.safe_load((MONITORING / "rule_tests" / "alerts.yml").read_text(encoding="utf-8"))
DOCS = MONITORING.parent / "docs"


@needs_prometheus
def test_prometheus_reads_the_rules_and_the_example_of_its_configuration() -> None:
    promtool("check", "rules", str(MONITORING / "rules" / "tetsuzuki.yml"))
    promtool("check", "config", str(MONITORING / "prometheus.yml"))


@needs_prometheus
def test_each_alert_fires_after_its_time_and_ends_and_is_silent_otherwise() -> None:
    promtool("test", "rules", str(MONITORING / "rule_tests" / "alerts.yml"))


def test_each_alert_is_tried_before_it_fires_while_it_does_and_after() -> None:
    """And by none but its own test: another alert's series do not count."""
    tried = {test["name"]: test.get("alert_rule_test", []) for test in TRIED["tests"]}
    for alert in ALERTS:
        fires = [bool(each["exp_alerts"]) for each in tried[alert] if each["alertname"] == alert]
        assert fires[0] is False
        assert fires[-1] is False
        assert True in fires
    levels = {each["expr"] for test in TRIED["tests"] for each in test.get("promql_expr_test", [])}
    assert levels == RECORDED


@pytest.mark.parametrize("alert", ALERTS)
def test_each_alert_says_how_urgent_it_is_and_has_a_page(alert: str) -> None:
    rule = ALERTS[alert]
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert rule["annotations"]["summary"]
    assert rule["annotations"]["runbook_url"] == f"docs/runbooks/{alert}.md"
    page = (DOCS / "runbooks" / f"{alert}.md").read_text(encoding="utf-8")
    assert page.startswith(f"# {alert}\n")
    assert re.search(
        r"\*\*What it says\.\*\*.*\*\*What it means for people\.\*\*.*\*\*What to do\.\*\*", page, re.DOTALL
    )


def test_no_page_is_of_an_alert_that_there_is_not() -> None:
    assert {file.stem for file in (DOCS / "runbooks").glob("*.md")} == ALERTS.keys()


def test_service_levels_name_classes_that_their_histograms_have() -> None:
    text = (MONITORING / "rules" / "tetsuzuki.yml").read_text(encoding="utf-8")
    for name, bound in re.findall(r'(tetsuzuki_\w+)_seconds_bucket\{le="([\d.]+)"\}', text):
        assert float(bound) in BUCKETS[name]


def test_what_follows_from_another_alert_is_not_sent_beside_it() -> None:
    example = yaml.safe_load((MONITORING / "alertmanager.yml").read_text(encoding="utf-8"))
    named = re.findall(r'alertname=~?"([\w|]+)"', str(example["inhibit_rules"]))
    assert {alert for names in named for alert in names.split("|")} <= ALERTS.keys()
    receivers = {each["name"] for each in example["receivers"]}
    assert {example["route"]["receiver"], *(each["receiver"] for each in example["route"]["routes"])} == receivers


@pytest.mark.skipif(shutil.which("amtool") is None, reason="Debian's package prometheus-alertmanager is not installed")
def test_alertmanager_reads_its_example() -> None:
    checked("amtool", "check-config", str(MONITORING / "alertmanager.yml"))
