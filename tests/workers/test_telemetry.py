"""A stack with telemetry, as it runs: what Prometheus, a receiver of traces and its logs know of a case.

One case is led from the form to its re-links, three weeks are skipped meanwhile.
"""

import asyncio
import base64
import json
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import pytest
import pytest_asyncio
import yaml
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from temporalio.testing import TimeSkipper
from temporalio.worker import Replayer

from models.common.signatures import HEADER
from models.common.waiting_for import WaitingFor
from models.tables import CaseStatusRow
from models.webhooks.messages import DELIVERY_WORKFLOW, WebhookStage
from models.yayoi.identifiers import ApplicationNo, office_workflow_id
from models.yayoi.procedures import Stage
from models.yayoi.service_links import LinkKind
from monitoring.boards import BOARDS, FOLDER
from tests.support.hurt_parts import frozen, without_worker
from tests.support.otlp_receiver import OtlpReceiver, ReceivedSpan, receiving_traces
from tests.support.prometheus import MONITORING, Prometheus, needs_prometheus, prometheus, promtool
from tests.support.running import PATIENCE
from tests.support.sandbox import RESTRICTED
from tests.support.spans import provider_to
from tests.support.stack_cases import Case, Outside, load_examples
from workers import database, temporal
from workers.settings import Settings
from workers.signed_updates import REPLAYED
from workers.stack.checks import TEMPORAL, free_port, metrics_ports
from workers.stack.inbox import listen
from workers.stack.places import Places
from workers.stack.stack_settings import alone
from workers.stack.supervisor import Stack
from workers.telemetry.trace_headers import TRACE_HEADER
from workers.telemetry.traced_workflows import TracedRunner
from workers.wiring.root import WORKFLOWS

pytestmark = [pytest.mark.stack, pytest.mark.long, needs_prometheus]

OFFICE = ("office-b@yayoi-taro.example.jp", "b0000002-0000-4000-8000-000000000002")
OTHER_OFFICE = ("office-c@yayoi-taro.example.jp", "c0000003-0000-4000-8000-000000000003")
BANK = [(LinkKind.BANK_ACCOUNT, "しおさい銀行 普通 1234567")]
PROCESSES = {"worker", "eraser", "web", "desk", "figures"}
RULES: dict[str, Any] = yaml.safe_load((MONITORING / "rules" / "tetsuzuki.yml").read_text(encoding="utf-8"))
SERVICE_LEVELS = [rule["record"] for group in RULES["groups"] for rule in group["rules"] if "record" in rule]


@dataclass
class Watched:
    """A stack, who watches it, and the case that it has led to its re-links."""

    stack: Stack
    traces: OtlpReceiver
    prometheus: Prometheus
    application_no: ApplicationNo

    @property
    def settings(self) -> Settings:
        return self.stack.settings

    async def text(self, process: str) -> str:
        port = self.stack.metrics_ports[process]
        async with httpx.AsyncClient(timeout=10) as http:
            return (await http.get(f"http://127.0.0.1:{port}/metrics")).text

    def log(self, process: str) -> list[dict[str, Any]]:
        text = (Places(self.settings.state_dir).logs / f"{process}.log").read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]

    def form(self) -> ReceivedSpan:
        """The request that has brought the form."""
        forms = self.traces.named("POST /api/applications")
        [form] = [each for each in forms if each.attributes["tetsuzuki.case"] == self.application_no]
        return form


@pytest_asyncio.fixture(scope="module")
async def watched(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Watched]:
    """What the boards show has to happen: no worker runs, Temporal hangs, then the mail server refuses connections."""
    mails: list[bytes] = []
    port = free_port()
    with TemporaryDirectory(prefix="tetsuzuki-") as state:
        folder = Path(state)
        async with receiving_traces() as traces:
            settings = alone(
                folder,
                telemetry=True,
                otlp_url=traces.url,
                time_skipping=True,
                smtp_host="127.0.0.1",
                smtp_port=port,
            )
            targets = metrics_ports(settings)
            async with (
                Stack(settings, say=lambda _: None) as stack,
                prometheus(tmp_path_factory.mktemp("prometheus"), targets, RULES) as asked,
            ):
                await load_examples(stack.settings)
                await mark_a_dead_letter(stack.settings)
                outside = Outside(stack.settings)
                async with without_worker(stack):
                    other = await outside.apply(OTHER_OFFICE)
                    await is_so(asked, 'approximate_backlog_age_seconds{taskqueue="tetsuzuki"} > 0')
                with frozen(stack, TEMPORAL):
                    application_no = await outside.apply(OFFICE)
                    await is_so(asked, "tetsuzuki_oldest_unstarted_form_seconds > 0")
                await is_so(asked, "sum(temporal_activity_execution_failed_total) > 1")
                await is_so(asked, 'tetsuzuki_mails{state="pending"} > 0')
                async with await listen("127.0.0.1", port, mails.append):
                    case = Case(stack.settings, outside, application_no)
                    await case.rests_at(1, Stage.SET_UP)
                    async with temporal.opened(stack.settings) as client, httpx.AsyncClient() as http:
                        office = client.get_workflow_handle(office_workflow_id(application_no, 1))
                        await TimeSkipper(client).fast_forward(office, timedelta(weeks=3))
                        # What is counted from 1 on has not grown: Prometheus sees the second of each kind.
                        for number in range(2):
                            await http.get(f"http://127.0.0.1:{settings.web_port}/{number}")
                            await is_so(asked, 'tetsuzuki_http_requests_total{status="4xx"} > 0')
                    await Case(stack.settings, outside, other).rests_at(1, Stage.SHARING)
                    await case.customer_sets_up(1, *BANK)
                    yield Watched(stack, traces, asked, application_no)


async def mark_a_dead_letter(settings: Settings) -> None:
    """Store a row of what this case has no part in."""
    async with database.opened(settings) as sessions, sessions.begin() as session:
        now = datetime.now(UTC)
        session.add(
            CaseStatusRow(
                case_no="trial",
                part=0,
                procedure=DELIVERY_WORKFLOW,
                workflow_id="webhook/trial",
                version=1,
                changed_at=now,
                stage=WebhookStage.DEAD,
                since=now,
                waiting_for=WaitingFor.OPERATOR,
                overdue=True,
                failing=True,
                awaits_approval=True,
            )
        )


async def is_so(asked: Prometheus, expression: str) -> list[dict[str, Any]]:
    """Wait until an expression has a value."""
    async with asyncio.timeout(PATIENCE):
        while not (found := await asked.ask(expression)):  # noqa: ASYNC110 another process is asked
            await asyncio.sleep(0.5)
    return found


# --- metrics --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("process", sorted(PROCESSES))
async def test_the_metrics_of_each_process_are_as_prometheus_wants_them(watched: Watched, process: str) -> None:
    promtool("check", "metrics", given=await watched.text(process))


@pytest.mark.parametrize("process", sorted(PROCESSES | {TEMPORAL}))
async def test_no_label_names_a_case_or_anybody_and_the_series_are_bounded(watched: Watched, process: str) -> None:
    lines = [line for line in (await watched.text(process)).splitlines() if not line.startswith("#")]
    labels = {pair for line in lines for pair in re.findall(r'(\w+)="([^"]*)"', line)}
    # Temporal writes `_` for whatever is no letter or digit, and knows its namespaces by ids.
    found = re.compile(r"YS[-_]\d|application[/_]|@|\b[0-9a-f]{8}[-_][0-9a-f]{4}")
    namespaces = {value for name, value in labels if name == "namespace_id"}
    assert not {
        (name, value) for name, value in labels if name != "le" and value not in namespaces and found.search(value)
    }
    if process != TEMPORAL:  # whose labels are its own affair, and change with its version
        assert {name for name, _ in labels} <= LABELS
    assert len(lines) < MOST_SERIES[process == TEMPORAL], process


LABELS = {
    *("le", "procedure", "stage", "waiting_for", "state", "in_time", "percentile"),  # figures
    *("method", "route", "status", "outcome"),  # our own
    *("namespace", "task_queue", "operation", "activity_type", "workflow_type", "worker_type", "poller_type"),
    *("status_code", "failure_reason", "eager", "client_name", "sdk_version"),  # the SDK's
}
MOST_SERIES = {False: 3_000, True: 30_000}
"""Of one process, and of Temporal's whole server, whose histograms have 19 classes each."""


LISTED = {
    *("tetsuzuki_http_requests_total", "tetsuzuki_http_request_duration_seconds"),
    *("tetsuzuki_operations_total", "tetsuzuki_operation_duration_seconds"),
    *("tetsuzuki_application_start_delay_seconds", "tetsuzuki_mail_tries_total", "tetsuzuki_temporal_up"),
    *("tetsuzuki_database_up", "tetsuzuki_cases_waiting", "tetsuzuki_cases_overdue", "tetsuzuki_mails"),
    *("tetsuzuki_oldest_pending_mail_seconds", "tetsuzuki_unstarted_forms", "tetsuzuki_oldest_unstarted_form_seconds"),
    *("tetsuzuki_undelivered_events", "tetsuzuki_oldest_undelivered_event_seconds", "tetsuzuki_webhook_dead_letters"),
    *("tetsuzuki_notices", "tetsuzuki_acceptance_to_notice_seconds"),
}
"""The metrics of our own that the page on telemetry lists."""


async def test_every_metric_that_the_page_lists_is_served(watched: Watched) -> None:
    page = (Path(__file__).parents[2] / "docs" / "telemetry.md").read_text(encoding="utf-8")
    assert set(re.findall(r"`(tetsuzuki_[a-z_]+)`(?=[,| ])", page)) - {"tetsuzuki_figures"} == LISTED
    served = {
        name for process in PROCESSES for name in re.findall(r"# TYPE (tetsuzuki_\w+) ", await watched.text(process))
    }
    assert served >= LISTED
    assert {name for name in served - LISTED if not name.startswith("tetsuzuki_cases_")} == set()


async def test_one_process_alone_says_what_the_database_says_of_all_cases(watched: Watched) -> None:
    saying = {process for process in PROCESSES if "tetsuzuki_cases_waiting" in await watched.text(process)}
    assert saying == {"figures"}
    [office] = await is_so(
        watched.prometheus, 'tetsuzuki_cases_waiting{procedure="OfficeDataProcedure",waiting_for!="system"}'
    )
    assert office["value"][1] == "1"


# --- boards ---------------------------------------------------------------------------------------------------------


def panels() -> Iterator[tuple[str, str]]:
    for name in BOARDS:
        for panel in json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))["panels"]:
            for target in panel["targets"]:
                yield panel["title"], target["expr"].replace("$__rate_interval", "5m")


@pytest.mark.parametrize(("title", "expression"), list(panels()))
async def test_each_panel_of_the_boards_shows_what_has_happened(watched: Watched, title: str, expression: str) -> None:
    """It has a series now, and had a value that this case, or what went wrong beside it, has changed from 0."""
    assert await watched.prometheus.ask(expression), title
    changed = await is_so(watched.prometheus, f"max_over_time(({expression})[10m:1s]) > 0")
    assert all(each["value"][1] != "NaN" for each in changed)


@pytest.mark.parametrize("record", SERVICE_LEVELS)
async def test_each_service_level_is_known(watched: Watched, record: str) -> None:
    [share] = await is_so(watched.prometheus, f"{record} >= 0")
    assert 0 <= float(share["value"][1]) <= 1


# --- traces ---------------------------------------------------------------------------------------------------------


async def test_a_form_is_followed_to_its_mails_in_one_trace(watched: Watched) -> None:
    form = watched.form()
    assert form.attributes["tetsuzuki.case"] == watched.application_no
    await watched.traces.has("workflow OfficeDataProcedure", "worker", tetsuzuki__case=watched.application_no)
    story = watched.traces.of_trace(form.trace_id)
    by_id = {each.span_id: each for each in story}

    def way(span: ReceivedSpan) -> list[str]:
        return [span.name, *(way(by_id[span.parent_id]) if span.parent_id in by_id else [])]

    mails = [way(each) for each in story if each.name == "mail"]
    assert mails
    start = ["workflow MultiOfficeApplication", "start MultiOfficeApplication", "POST /api/applications"]
    assert all(names[1].startswith("activity ") and names[-3:] == start for names in mails)
    assert any("workflow OfficeDataProcedure" in names for names in mails)
    assert form.parent_id == b""


async def test_what_comes_three_weeks_later_is_found_by_its_links(watched: Watched) -> None:
    first, office = watched.form().trace_id, office_workflow_id(watched.application_no, 1)
    for name in ("timer", "update report_relink"):
        for span in await watched.traces.has(name, "worker", temporal__workflow=office):
            assert span.trace_id != first
            assert span.parent_id == b""
            assert first in {trace for trace, _ in span.links}
    [sent] = await watched.traces.has("update report_relink", "web", temporal__workflow=office)
    [taken] = await watched.traces.has("update report_relink", "worker", temporal__workflow=office)
    assert {trace for trace, _ in taken.links} == {first, sent.trace_id}
    assert [each for each in watched.traces.of_trace(taken.trace_id) if each.name.startswith("activity ")]


async def test_spans_hold_no_person_and_no_error_s_own_words(watched: Watched) -> None:
    said = json.dumps([each.attributes for each in watched.traces.spans], ensure_ascii=False)
    assert "yayoi-taro" not in said
    assert "弥生" not in said
    assert not [each for each in watched.traces.spans if "url.path" in each.attributes]  # it may be a customer's link
    assert {each.attributes["error.type"] for each in watched.traces.named("activity send_mail") if each.failed}


async def test_headers_hold_the_signed_entry_and_the_trace_context_alone(watched: Watched) -> None:
    names, carried = set[str](), set[str]()
    async with temporal.opened(watched.settings) as client:
        for workflow_id in (f"application/{watched.application_no}", office_workflow_id(watched.application_no, 1)):
            history = await client.get_workflow_handle(workflow_id).fetch_history()
            for event in history.to_json_dict()["events"]:
                for header in headers_in(event):
                    names |= header.keys()
                    if TRACE_HEADER in header:
                        carried |= json.loads(base64.b64decode(header[TRACE_HEADER]["data"])).keys()
            # What was written with tracing replays without, and with it sends nothing again.
            replayed = InMemorySpanExporter()
            for runner in (RESTRICTED, TracedRunner(RESTRICTED, provider_to(replayed))):
                replayer = Replayer(
                    workflows=WORKFLOWS,
                    workflow_runner=runner,
                    data_converter=client.data_converter,
                    interceptors=[REPLAYED],
                )
                await replayer.replay_workflow(history)
            assert replayed.get_finished_spans() == ()
    assert names == {HEADER, TRACE_HEADER}
    assert carried == {"traceparent"}


def headers_in(event: Any) -> Iterator[dict[str, Any]]:
    if isinstance(event, dict):
        for name, value in event.items():
            if name == "header":
                yield value.get("fields", {})
            else:
                yield from headers_in(value)
    elif isinstance(event, list):
        for each in event:
            yield from headers_in(each)


# --- logs -----------------------------------------------------------------------------------------------------------


async def test_lines_of_the_log_are_found_by_the_case_and_lead_to_the_trace(watched: Watched) -> None:
    form = watched.form()
    lines = await asyncio.to_thread(watched.log, "web")
    about = [each for each in lines if each.get("trace") == form.trace_id.hex() and "request" in each]
    assert {each["case"] for each in about} == {watched.application_no}
    assert {each["request"] for each in about} == {form.attributes["tetsuzuki.request"]}
    worker = await asyncio.to_thread(watched.log, "worker")
    assert {each["process"] for each in worker if "process" in each} == {"worker"}
    assert [each for each in worker if each.get("case") == watched.application_no]


# --- the database away: the last, since nothing works without it ---------------------------------------------------


async def test_figures_are_absent_while_the_database_hangs_and_come_back(watched: Watched) -> None:
    with frozen(watched.stack, "postgres"):
        await is_so(watched.prometheus, "tetsuzuki_database_up == 0")
        assert await watched.prometheus.ask('{__name__=~"tetsuzuki_(cases|mails|oldest|notices|unstarted).*"}') == []
    await is_so(watched.prometheus, "tetsuzuki_cases_waiting > 0")
