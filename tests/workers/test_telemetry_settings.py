"""What telemetry is made of, without a stack: its address, its log lines, its figures, and labels from closed lists."""

import asyncio
import json
import logging
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import ValidationError
from sqlalchemy.exc import OperationalError

from models.backoffice.case_figures import OTHER, STAGES, TURNS, CaseFigures, MailState, ProcedureFigures, labels_of
from models.common.case_context import about_case, case_of
from tests.support.matrices import mostly_long
from tests.support.secret_key import SECRET_KEY
from workers.settings import Settings
from workers.stack.checks import MEASURED, TEMPORAL, StackError, check_ports, metrics_ports
from workers.stack.stack_settings import alone, environment
from workers.telemetry.figures import READ_EVERY, Figures, figures_app
from workers.telemetry.log_lines import JsonLines

FIGURES = CaseFigures(
    waiting={("OfficeDataProcedure", "共有解除待ち", "applicant"): 3},
    procedures={"OfficeDataProcedure": ProcedureFigures(overdue=1)},
    mails={MailState.PENDING: 2, MailState.REFUSED: 0, MailState.RETURNED: 0},
    oldest_pending_mail=12.5,
    unstarted_forms=1,
    oldest_unstarted_form=7,
    dead_letters=0,
    undelivered_events=0,
    oldest_undelivered_event=0,
    notices={True: 4, False: 1},
    acceptance_to_notice={"50": 86400.0},
)


def test_all_of_it_is_off_until_one_setting_turns_it_on(tmp_path: Path) -> None:
    off, on = Settings(state_dir=tmp_path), Settings(state_dir=tmp_path, telemetry=True)
    assert not off.telemetry
    assert not off.logs_as_json
    assert metrics_ports(off) == {}
    assert on.logs_as_json
    assert metrics_ports(on) == {name: 9464 + number for number, name in enumerate(MEASURED)}
    elsewhere = Settings(state_dir=tmp_path, telemetry=True, temporal_address="temporal.example.co.jp:7233")
    assert metrics_ports(on).keys() - metrics_ports(elsewhere).keys() == {TEMPORAL}
    assert Settings(log_format="json").logs_as_json
    assert not Settings(telemetry=True, log_format="text").logs_as_json


@pytest.mark.parametrize("process", mostly_long(["worker", "figures"], each_time=["worker"]))
async def test_a_taken_port_ends_the_start_with_the_setting_s_name(process: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = Settings(
            state_dir=tmp_path, telemetry=True, metrics_port=taken.getsockname()[1], secret_key=SECRET_KEY
        )
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "workers", process), env=environment(settings), stderr=asyncio.subprocess.PIPE
        )
        _, said = await child.communicate()
    assert child.returncode == 1
    assert said.decode().startswith(f"error: the metrics cannot be served on 127.0.0.1:{settings.metrics_port} (")
    assert "set TETSUZUKI_METRICS_PORT to a free port" in said.decode()


def test_a_stack_looks_at_every_port_for_metrics_before_it_starts(tmp_path: Path) -> None:
    settings = alone(tmp_path, telemetry=True)
    last = metrics_ports(settings)["figures"]
    check_ports(settings)
    with (
        socket.create_server(("127.0.0.1", last)),
        pytest.raises(StackError, match=f"port {last} for the metrics of figures is taken"),
    ):
        check_ports(settings)


def test_a_link_to_a_case_s_traces_names_the_case() -> None:
    assert Settings(case_logs_url="https://logs.example.co.jp/?q={case}").case_logs_url
    with pytest.raises(ValidationError, match=r"\{case\} is not in it"):
        Settings(case_traces_url="https://traces.example.co.jp/")
    with pytest.raises(ValidationError, match="case_traces_url"):
        Settings(case_traces_url="traces {case}")


def test_labels_are_from_closed_lists_and_bound_the_number_of_series() -> None:
    procedure, stage, turn = "OfficeDataProcedure", "共有解除待ち", "申込者"
    assert labels_of(procedure, stage, turn) == (procedure, stage, "applicant")
    assert labels_of("Later", stage, "誰か") == (OTHER, OTHER, OTHER)
    assert labels_of(procedure, "新しい段階", turn) == (procedure, OTHER, "applicant")
    assert sum(len(stages) + 1 for stages in STAGES.values()) * (len(TURNS) + 1) < 500


class Source:
    """A database that is there, or away."""

    def __init__(self) -> None:
        self.reads = 0
        self.away: Exception | None = None
        self.now = 0.0

    async def read(self) -> CaseFigures:
        self.reads += 1
        if self.away:
            raise self.away
        return FIGURES


async def text_of(figures: Figures) -> str:
    transport = httpx.ASGITransport(figures_app(figures))
    async with httpx.AsyncClient(transport=transport, base_url="http://figures") as http:
        return (await http.get("/metrics")).text


async def test_the_database_is_read_at_most_every_fifteen_seconds() -> None:
    source = Source()
    figures = Figures(source.read, lambda: source.now)
    texts = await asyncio.gather(*(text_of(figures) for _ in range(5)))
    source.now = READ_EVERY - 0.1
    assert {*texts, await text_of(figures)} == {texts[0]}
    assert source.reads == 1
    source.now = READ_EVERY
    await text_of(figures)
    assert source.reads == 2
    assert (
        'tetsuzuki_cases_waiting{procedure="OfficeDataProcedure",stage="共有解除待ち",waiting_for="applicant"} 3.0'
        in texts[0]
    )


@pytest.mark.parametrize("away", [OperationalError("select", {}, Exception("gone")), ConnectionError(), TimeoutError()])
async def test_figures_are_absent_while_the_database_is_away_and_there_again_after(away: Exception) -> None:
    source = Source()
    figures = Figures(source.read, lambda: source.now)
    whole = await text_of(figures)
    source.away, source.now = away, READ_EVERY
    gone = await text_of(figures)
    assert [line for line in gone.splitlines() if not line.startswith("#")] == ["tetsuzuki_database_up 0.0"]
    source.away, source.now = None, 2 * READ_EVERY
    assert await text_of(figures) == whole


async def test_a_database_that_hangs_is_away_for_who_asks_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.telemetry.figures.WITHIN", 0.01)
    hangs = asyncio.Event()

    async def read() -> CaseFigures:
        await hangs.wait()
        return FIGURES

    figures = Figures(read)
    assert await figures.now() is None
    assert await figures.now() is None
    hangs.set()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert await figures.now() is FIGURES


@pytest.fixture
def line() -> Callable[..., dict[str, Any]]:
    """A line of the log, as JSON, of what is said meanwhile."""

    def said(message: str, **given: Any) -> dict[str, Any]:
        record = logging.makeLogRecord({"name": "web", "levelname": "INFO", "msg": message, **given})
        return dict(json.loads(JsonLines("web").format(record)))

    return said


def test_a_line_of_the_log_is_json_with_the_case_that_it_is_about(line: Callable[..., dict[str, Any]]) -> None:
    assert line("one\nline").keys() == {"time", "level", "process", "logger", "message"}
    about_case("YS-000123")
    assert line("x")["case"] == "YS-000123"
    error = ValueError("why")
    assert "ValueError: why" in line("x", exc_info=(ValueError, error, None))["error"]


def test_a_case_is_known_by_the_id_of_each_of_its_workflows() -> None:
    assert case_of("application/YS-000001") == case_of("application/YS-000001/office/2") == "YS-000001"
    assert case_of("reconciliation") == "reconciliation"
