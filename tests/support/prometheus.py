"""A real Prometheus, Debian's; where it is not installed, what needs it is skipped."""

import asyncio
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.support.running import PATIENCE
from workers.stack.checks import TEMPORAL

needs_prometheus = pytest.mark.skipif(
    shutil.which("prometheus") is None or shutil.which("promtool") is None,
    reason="Debian's package prometheus is not installed",
)
MONITORING = Path(__file__).parents[2] / "monitoring"


def checked(program: str, *arguments: str, given: str = "") -> None:
    """Run a program; what it refuses fails the test with what it says."""
    done = subprocess.run([program, *arguments], input=given, text=True, capture_output=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stdout + done.stderr


def promtool(*arguments: str, given: str = "") -> None:
    checked("promtool", *arguments, given=given)


class Prometheus:
    """What a running Prometheus knows."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def ask(self, expression: str) -> list[dict[str, Any]]:
        answer = await self._http.get("/api/v1/query", params={"query": expression})
        assert answer.is_success, answer.text
        return list(answer.json()["data"]["result"])

    async def firing(self) -> set[str]:
        alerts = (await self._http.get("/api/v1/alerts")).json()["data"]["alerts"]
        return {each["labels"]["alertname"] for each in alerts if each["state"] == "firing"}

    async def is_ready(self) -> bool:
        try:
            return (await self._http.get("/-/ready")).is_success
        except httpx.TransportError:
            return False


@asynccontextmanager
async def prometheus(
    folder: Path, targets: Mapping[str, int], rules: Mapping[str, Any] | None = None
) -> AsyncIterator[Prometheus]:
    """Let Prometheus read these processes at their ports, every second, and keep these rules."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (folder / "rules.yml").write_text(yaml.safe_dump(rules or {"groups": []}), encoding="utf-8")
    named = {
        process: {"targets": [f"127.0.0.1:{number}"], "labels": {"process": process}}
        for process, number in targets.items()
    }
    slowly = [named.pop("figures")]
    server = [named.pop(TEMPORAL)] if TEMPORAL in named else []
    read = list(named.values())
    config = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": ["rules.yml"],
        "scrape_configs": [
            {"job_name": "tetsuzuki", "static_configs": read},
            {"job_name": "temporal", "static_configs": server},
            {
                # A look at a database that hangs takes five seconds.
                "job_name": "figures",
                "scrape_interval": "6s",
                "scrape_timeout": "6s",
                "static_configs": slowly,
                "relabel_configs": [{"target_label": "job", "replacement": "tetsuzuki"}],
            },
        ],
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    options = {
        "config.file": folder / "prometheus.yml",
        "storage.tsdb.path": folder / "series",
        "web.listen-address": f"127.0.0.1:{port}",
    }
    with (folder / "prometheus.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            "prometheus", *(f"--{name}={value}" for name, value in options.items()), stdout=log, stderr=log
        )
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10) as http:
            running = Prometheus(http)
            async with asyncio.timeout(PATIENCE):
                while not await running.is_ready():
                    assert process.returncode is None, (folder / "prometheus.log").read_text()
                    await asyncio.sleep(0.1)
            yield running
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
