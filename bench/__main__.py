"""`make bench`: what an application costs from the form to the completion notice, beside two other ways to do it.

An application has one office, is linked, for a network product, with one service, not shared, and nobody acts before
the notice. Each side has one worker process, with as many threads as its library has by default, and one sender (this
process) with 20 requests at a time. One Postgres server commits durably, as installed; one SMTP server keeps all mails.

- ours: the stack of `make up` (Temporal's dev server on SQLite with `journal_mode=wal` and `synchronous=2`, our worker,
  our web as one process). The sender posts forms to `/api/applications`.
- bare: workflows with the commands of commit 2bccf77 and empty bodies (`bare_workflows.py`), on the same Temporal
  server, on a worker with the settings and the codec of ours. The sender starts them itself. They store nothing in
  Postgres and send no mail.
- dbos: the same steps in Postgres and by mail as DBOS workflows (`dbos_worker.py`), in the same database. The sender
  enqueues them itself. Set for throughput: 100 workflows at once, the queue polled every 0.05 s, 20 connections of
  DBOS' own beside those of the steps, LISTEN/NOTIFY, no tracing.

All are measured in one run, in short batches that take turns; each ratio is the median of the rounds' ratios. CPU is
counted until every case rests after its notice: its thaw is done, its follow-up timer runs. Rates are counted until the
last notice. The last line on stdout is JSON (`figures.py`); what was skipped is null.
"""

import argparse
import itertools
from collections.abc import Collection
from dataclasses import dataclass
from functools import partial

from rich.console import Console

from bench.batch import AT_ONCE, measure
from bench.burst import measure_burst
from bench.events import count_events
from bench.form_latency import CLIENTS, measure_form
from bench.ours import Ours, our_stack
from bench.report import show
from bench.results import Results
from bench.rounds import measure_round
from bench.storage import measure_storage
from bench.watching import our_watched_stack
from bench.with_and_without import measure_cost
from workers.program import run, say

PARTS = ("bare", "dbos", "events", "storage", "form", "burst", "encryption", "telemetry")
_IN_ROUNDS = {"bare", "dbos", "form"}
_FORM_ROUNDS = 3
"""Each leaves hundreds of applications to be worked through before the next may begin."""
_EVENT_CASES = 3
"""How many cases are led to their end to count events; they differ little."""


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    applications: int
    rounds: int
    requests: int
    burst: int

    @property
    def customers(self) -> int:
        """At most so many apply on the first stack, or have their numbers used up by another side."""
        each_round = 3 * self.applications + 2 * AT_ONCE + self.requests
        return AT_ONCE + self.rounds * each_round + _EVENT_CASES + self.applications


async def bench(parts: Collection[str], sizes: Sizes) -> None:
    results = Results()
    if set(parts) - {"burst", "encryption", "telemetry"}:
        async with our_stack(sizes.customers) as ours:
            await _measure(results, ours, parts, sizes)
    if "burst" in parts:
        say(f"a burst of {sizes.burst}")
        results.burst = await measure_burst(sizes.burst)
    if "encryption" in parts:
        in_clear = partial(our_stack, encrypt_histories=False)
        results.encryption = await measure_cost("encryption", sizes.applications, sizes.rounds, our_stack, in_clear)
    if "telemetry" in parts:
        results.telemetry = await measure_cost(
            "telemetry", sizes.applications, sizes.rounds, our_watched_stack, our_stack
        )
    show(results, Console(width=120))
    print(results.figures.line())


async def _measure(results: Results, ours: Ours, parts: Collection[str], sizes: Sizes) -> None:
    customers = iter(range(sizes.customers))

    def take(count: int) -> list[int]:
        return list(itertools.islice(customers, count))

    await measure(ours, take(AT_ONCE))
    for number in range(sizes.rounds if _IN_ROUNDS.intersection(parts) else 0):
        say(f"round {number + 1} of {sizes.rounds}")
        if "bare" in parts or "dbos" in parts:
            sides = {side: side in parts for side in ("bare", "dbos")}
            results.rounds.append(await measure_round(ours, take, sizes.applications, **sides))
        if "form" in parts and number < _FORM_ROUNDS:
            results.forms.append(await measure_form(ours, take(sizes.requests)))
    if "events" in parts:
        say("events of single cases")
        results.events = await count_events(ours, take(_EVENT_CASES))
    if "storage" in parts:
        say("storage, quiet before and after")
        results.storage = await measure_storage(ours, take(sizes.applications))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--applications", type=int, default=60, help="of one batch of one side (60)")
    parser.add_argument("--rounds", type=int, default=5, help="how often the sides take turns (5)")
    parser.add_argument(
        "--requests", type=int, default=300, help="forms of each of the first 3 rounds, by 50 clients (300)"
    )
    parser.add_argument("--burst", type=int, default=1000, help="applications of the large burst (1000)")
    parser.add_argument("--only", default=",".join(PARTS), help=f"these parts alone, of {','.join(PARTS)}")
    arguments = parser.parse_args()
    parts = arguments.only.split(",")
    if unknown := set(parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    sizes = Sizes(arguments.applications, arguments.rounds, arguments.requests, arguments.burst)
    if min(sizes.applications, sizes.rounds, sizes.burst) < 1 or sizes.requests < CLIENTS:
        parser.error(f"at least one application, one round and {CLIENTS} requests")
    return run(bench(parts, sizes))


if __name__ == "__main__":
    raise SystemExit(main())
