"""`make bench`: applications per second to the completion notice, and what each costs, on a stack of its own."""

import argparse
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.batch import Batch, measure
from bench.more_workers import more_workers
from bench.registry import load_customers
from workers import database, temporal
from workers.program import run
from workers.stack.stack_settings import alone
from workers.stack.supervisor import Stack

WARM_UP = 5
"""Applications before the first measurement: processes have loaded what they need."""


async def bench(applications: int, workers: list[int]) -> None:
    with tempfile.TemporaryDirectory(prefix="tetsuzuki-bench-") as folder:
        async with Stack(alone(Path(folder))) as stack, database.opened(stack.settings) as sessions:
            client = await temporal.connect(stack.settings)
            await load_customers(sessions, Path(folder), WARM_UP + applications * len(workers))
            await measure(stack, sessions, client, range(WARM_UP))
            batches = []
            for number, count in enumerate(workers):
                first = WARM_UP + number * applications
                async with more_workers(stack.settings, client, count - 1) as extra:
                    batches.append(await measure(stack, sessions, client, range(first, first + applications), extra))
    show(workers, batches)


def show(workers: list[int], batches: list[Batch]) -> None:
    table = Table(title=f"{batches[0].applications} applications, 1 office each, linked, 1 service, not shared")
    table.add_column("")
    for count in workers:
        table.add_column(f"{count} worker{'s' if count > 1 else ''}", justify="right")

    def row(name: str, *values: str) -> None:
        table.add_row(name, *values)

    row("all accepted by the web after", *(f"{batch.accepted:.1f} s" for batch in batches))
    row("all completion notices sent after", *(f"{batch.notified:.1f} s" for batch in batches))
    row("applications per second", *(f"{batch.per_second:.2f}" for batch in batches))
    row("compared with the first column", *(f"{batch.per_second / batches[0].per_second:.2f}" for batch in batches))
    row("Postgres transactions per office", *(f"{batch.transactions:.1f}" for batch in batches))
    row("history events per office: its own", *(f"{batch.office_events:.1f}" for batch in batches))
    row("history events per office: the application's", *(f"{batch.application_events:.1f}" for batch in batches))
    table.add_section()
    for part in batches[0].cpu:
        row(f"CPU seconds: {part}", *(f"{batch.cpu[part]:.1f}" for batch in batches))
    row("CPU seconds: all, of those there were", *(f"{sum(b.cpu.values()):.1f} / {b.cpu_seconds:.1f}" for b in batches))
    console = Console(width=120)
    console.print(table)
    console.print(
        "Transactions: commits in the application's database from the first request until every case waits after its\n"
        "notice: intake, start, all activities with the thaw after the notice. Reads end without a commit and\n"
        "are not counted, nor are the bench's own queries.\n"
        "History events: counted when the case waits for the customer. Temporal's own storage is apart.\n"
        "All parts and the bench itself share this machine."
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--applications", type=int, default=200, help="how many are submitted (200)")
    parser.add_argument(
        "--workers", type=int, nargs="+", default=[1], help="measure with so many worker processes, one after the other"
    )
    arguments = parser.parse_args()
    if arguments.applications < 1 or min(arguments.workers) < 1:
        parser.error("at least one application and one worker")
    return run(bench(arguments.applications, arguments.workers))


if __name__ == "__main__":
    raise SystemExit(main())
