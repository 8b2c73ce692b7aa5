"""All that one run has measured: as figures, and as tables for people."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median

from rich.console import Console
from rich.table import Table

from bench import bare, dbos_side, ours
from bench.bare_workflows import APPLICATION_EVENTS, OFFICE_EVENTS
from bench.batch import Batch
from bench.burst import Burst
from bench.events import Events
from bench.figures import Figures, median_or_none
from bench.form_latency import FormLatency
from bench.rounds import Round
from bench.storage import Storage

_PARTS = ("worker", "temporal", "postgres", "web", "sender", "inbox")
_SKIPPED = "—"


@dataclass
class Results:
    """What the parts of a run have found; empty or None: skipped."""

    rounds: list[Round] = field(default_factory=list)
    events: Events | None = None
    storage: Storage | None = None
    forms: list[FormLatency] = field(default_factory=list)
    burst: Burst | None = None

    @property
    def figures(self) -> Figures:
        rounds = self.rounds
        return Figures(
            notice_per_s=median_or_none(each.ours.per_second for each in rounds),
            bare_ratio=median_or_none(each.rate_ratio(each.bare) for each in rounds),
            dbos_ratio=median_or_none(each.rate_ratio(each.dbos) for each in rounds),
            events_to_notice=self.events and self.events.to_notice,
            events_to_closed=self.events and self.events.to_closed,
            cpu_s_per_application=median_or_none(each.ours.cpu_per_application(*ours.GROUPS) for each in rounds),
            worker_cpu_ratio=median_or_none(each.cpu_ratio("worker") for each in rounds),
            temporal_cpu_ratio=median_or_none(each.cpu_ratio("temporal") for each in rounds),
            storage_kb_per_open_case=self.storage and self.storage.temporal / 1000,
            burst_cpu_ratio=self.burst and self.burst.ratio,
            form_p99_ratio=median_or_none(each.ratio for each in self.forms),
        )


def show(results: Results, console: Console) -> None:
    if results.rounds:
        console.print(_sides(results.rounds))
        console.print(
            "Per application with one office, linked, a network product, one service, not shared. Medians of the rounds.\n"
            "CPU is counted until every case rests after its notice. Ours takes forms by HTTP; the other sides are started\n"
            "by the sender. All parts and the sender share this machine; only one side is at work at a time."
        )
    console.print(_others(results))


def _sides(rounds: Sequence[Round]) -> Table:
    table = Table(title=f"{len(rounds)} rounds of {len(rounds[0].ours.cases)} applications")
    for name in ("", "ours", "bare", "dbos", "ours ÷ bare", "ours ÷ dbos"):
        table.add_column(name, justify="right" if name else "left")
    columns = (
        ([each.ours for each in rounds], ours.GROUPS),
        ([each.bare for each in rounds if each.bare], bare.GROUPS),
        ([each.dbos for each in rounds if each.dbos], dbos_side.GROUPS),
    )

    def row(name: str, values: Iterable[Sequence[float]], ratios: Iterable[Sequence[float | None]] = ()) -> None:
        table.add_row(name, *map(_median, values), *map(_median, ratios))

    row(
        "applications per second to the last notice",
        ([batch.per_second for batch in side] for side, _ in columns),
        ([each.rate_ratio(each.bare) for each in rounds], [each.rate_ratio(each.dbos) for each in rounds]),
    )
    row("seconds until the last was taken", ([batch.begun for batch in side] for side, _ in columns))
    row("seconds until the last notice", ([batch.notified for batch in side] for side, _ in columns))
    table.add_section()
    for part in _PARTS:
        row(
            f"CPU seconds: {part}",
            (_cpu(side, part) for side, _ in columns),
            ([each.cpu_ratio(part) for each in rounds],) if part in bare.GROUPS else (),
        )
    row(
        "CPU seconds: all but the inbox",
        ([batch.cpu_per_application(*groups) for batch in side] for side, groups in columns),
    )
    return table


def _cpu(side: Iterable[Batch], part: str) -> list[float]:
    return [batch.cpu_per_application(part) for batch in side if part in batch.cpu]


def _others(results: Results) -> Table:
    table = Table(title="Beside that")
    table.add_column("")
    table.add_column("", justify="right")
    if counted := [each.bare_events for each in results.rounds if each.bare_events]:
        applications, offices = (median(column) for column in zip(*counted, strict=True))
        fixed = f"({APPLICATION_EVENTS} + {OFFICE_EVENTS} one at a time)"
        table.add_row(f"history events, bare: application + office {fixed}", f"{applications:.1f} + {offices:.1f}")
    if events := results.events:
        table.add_row("history events, ours: at rest after the notice, all workflows", f"{events.to_notice:.1f}")
        table.add_row("history events, ours: closed, after five reports", f"{events.to_closed:.1f}")
    if storage := results.storage:
        table.add_row("kB per case at rest: Temporal's files", f"{storage.temporal / 1000:.1f}")
        table.add_row("kB per case at rest: our database", f"{storage.postgres / 1000:.1f}")
    if results.forms:
        for name, column in (("form", "form"), ("one bare insert", "insert")):
            milliseconds = median(getattr(each, column) for each in results.forms) * 1000
            table.add_row(f"99 of 100 answers within, 50 clients: {name}", f"{milliseconds:.0f} ms")
    if burst := results.burst:
        for size, batch in (
            (f"first {len(burst.small.cases)}", burst.small),
            (f"{len(burst.large.cases)}", burst.large),
        ):
            table.add_row(f"burst of {size}: last notice after", f"{batch.notified:.1f} s")
            table.add_row(f"burst of {size}: CPU seconds each", f"{batch.cpu_per_application(*ours.GROUPS):.3f}")
        table.add_row(f"burst of {len(burst.large.cases)}: tasks that timed out or were tried again", str(burst.late))
    return table


def _median(values: Sequence[float | None]) -> str:
    found = median_or_none(values)
    return _SKIPPED if found is None else f"{found:.3g}"
