"""What a real Alertmanager (Debian's) sends by the example, and what it keeps back as following from another alert."""

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.support.prometheus import MONITORING
from tests.support.running import PATIENCE

ALERTMANAGER = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
RULES: dict[str, Any] = yaml.safe_load((MONITORING / "rules" / "tetsuzuki.yml").read_text(encoding="utf-8"))
SEVERITY = {
    rule["alert"]: rule["labels"]["severity"] for group in RULES["groups"] for rule in group["rules"] if "alert" in rule
}

pytestmark = pytest.mark.skipif(ALERTMANAGER is None, reason="Debian's prometheus-alertmanager is not installed")


@asynccontextmanager
async def alertmanager(folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Run one with the example as it is; it notifies nobody within its first half minute."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    options = {
        "config.file": MONITORING / "alertmanager.yml",
        "storage.path": folder / "alerts",
        "web.listen-address": address,
        "cluster.listen-address": "",
    }
    with (folder / "alertmanager.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            str(ALERTMANAGER), *(f"--{name}={value}" for name, value in options.items()), stdout=log, stderr=log
        )
    try:
        async with httpx.AsyncClient(base_url=f"http://{address}", timeout=10, trust_env=False) as http:
            async with asyncio.timeout(PATIENCE):
                while not await is_ready(http):
                    assert process.returncode is None, (folder / "alertmanager.log").read_text()
                    await asyncio.sleep(0.1)
            yield http
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def is_ready(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/-/ready")).is_success
    except httpx.TransportError:
        return False


def fires(name: str) -> dict[str, Any]:
    """`ProcessAway worker`: the alert, and of which process."""
    alert, _, process = name.partition(" ")
    labels = {"alertname": alert, "severity": SEVERITY[alert]} | ({"process": process} if process else {})
    return {"labels": labels, "annotations": {"summary": name}}


@pytest.mark.parametrize(
    ("firing", "kept_back"),
    [
        (
            {"DatabaseAway", "AnswersFail", "StepsFail", "FormsNotStarted", "MailsNotTaken", "ProcessAway web"},
            {"AnswersFail", "StepsFail", "FormsNotStarted", "MailsNotTaken"},
        ),
        (
            {"TemporalAway", "AnswersFail", "TasksWait", "ProcessAway temporal", "ProcessAway web", "MailsNotTaken"},
            {"AnswersFail", "TasksWait", "ProcessAway temporal"},
        ),
        ({"ProcessAway worker", "TasksWait", "StepsFail"}, {"TasksWait"}),
        ({"ProcessAway temporal", "ProcessAway web", "TasksWait", "StepsFail"}, set()),
    ],
    ids=["the database is away", "Temporal is away", "a worker is away", "others are away"],
)
async def test_what_follows_from_another_alert_is_kept_back_and_nothing_else(
    firing: set[str], kept_back: set[str], tmp_path: Path
) -> None:
    async with alertmanager(tmp_path) as http:
        (await http.post("/api/v2/alerts", json=[fires(name) for name in sorted(firing)])).raise_for_status()
        async with asyncio.timeout(PATIENCE):
            while len(alerts := (await http.get("/api/v2/alerts")).json()) < len(firing):  # noqa: ASYNC110 another process
                await asyncio.sleep(0.1)
        known = {each["annotations"]["summary"]: each for each in alerts}
        assert {name for name, each in known.items() if each["status"]["inhibitedBy"]} == kept_back
        for each in known.values():
            receiver = "tickets" if each["labels"]["severity"] == "ticket" else "engineers"
            assert [to["name"] for to in each["receivers"]] == [receiver]
