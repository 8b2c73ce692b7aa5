"""The tables for people."""

from collections.abc import Callable, Sequence
from functools import partial
from statistics import median

from rich.console import Console
from rich.table import Table

from bench.bare_workflows import APPLICATION_EVENTS, OFFICE_EVENTS
from bench.batch import Batch
from bench.figures import median_or_none
from bench.results import Results, Round

_PARTS = ("worker", "temporal", "postgres", "web", "sender", "inbox")

_WHAT = """Medians of the rounds. An application has one office, is linked, for a network product, with one service,
not shared. CPU seconds are per application, until every case rests after its notice. Ours takes forms
by HTTP, the others are started by the sender. All share this machine; only one side is at work at a time."""


def show(results: Results, console: Console) -> None:
    if results.rounds:
        console.print(_sides(results.rounds))
        console.print(_WHAT)
    console.print(_others(results))


def _sides(rounds: Sequence[Round]) -> Table:
    table = Table(title=f"{len(rounds)} rounds of {len(rounds[0].ours.cases)} applications")
    for name in ("", "ours", "bare", "dbos", "ours ÷ bare", "ours ÷ dbos"):
        table.add_column(name, justify="right" if name else "left")

    def row(name: str, value: Callable[[Batch], float | None], *ratios: Callable[[Round], float | None]) -> None:
        sides = ([each.ours for each in rounds], [each.bare for each in rounds], [each.dbos for each in rounds])
        values = (median_or_none(value(batch) for batch in side if batch) for side in sides)
        table.add_row(name, *map(_text, values), *(_text(median_or_none(map(ratio, rounds))) for ratio in ratios))

    row(
        "applications per second to the last notice",
        lambda batch: batch.per_second,
        lambda each: each.rate_ratio(each.bare),
        lambda each: each.rate_ratio(each.dbos),
    )
    row("seconds until the last was taken", lambda batch: batch.begun)
    row("seconds until the last notice", lambda batch: batch.notified)
    table.add_section()
    for part in _PARTS:
        row(f"CPU seconds: {part}", partial(Batch.cpu_of, part=part), partial(Round.cpu_ratio, part=part))
    row("CPU seconds: all but the inbox", lambda batch: batch.cpu_per_application)
    return table


def _others(results: Results) -> Table:
    table = Table(title="Other figures")
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
        for batch in (burst.small, burst.large):
            size = f"burst of {len(batch.cases)}"
            table.add_row(f"{size}: last notice after", f"{batch.notified:.1f} s")
            table.add_row(f"{size}: CPU seconds per application", f"{batch.cpu_per_application:.3f}")
        table.add_row("larger burst: tasks that timed out or were tried again", str(burst.late))
    for what, rounds in (("encryption", results.encryption), ("telemetry", results.telemetry)):
        if rounds:
            rate, cpu = median(each.rate_ratio for each in rounds), median(each.cpu_ratio for each in rounds)
            table.add_row(f"applications per second with {what} ÷ without", f"{rate:.3f}")
            table.add_row(f"CPU seconds per application with {what} ÷ without", f"{cpu:.3f}")
    return table


def _text(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"
