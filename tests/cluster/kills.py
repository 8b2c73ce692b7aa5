"""Every process of a cluster and of ours is killed while cases run: nothing is lost, nothing is doubled.

Not among the tests of `make test`: it needs the programs that `make cluster-test` builds.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
import pytest

from bench.batch import at_once
from bench.cluster import versions
from bench.cluster.cluster import Cluster, ClusterPlan
from bench.cluster.one_address import one_address
from bench.cluster.programs import server_programs, web_ui_program
from bench.registry import load_customers
from models.yayoi.identifiers import ApplicationNo
from monitoring.panels import TEMPORAL
from tests.cluster.second_worker import second_worker
from tests.support.many_cases import apply_as, nothing_is_lost_and_nothing_is_doubled
from tests.support.otlp_receiver import OtlpReceiver, receiving_traces
from tests.support.stack_cases import Outside
from workers import database
from workers.stack.stack_settings import alone
from workers.stack.supervisor import Stack
from workers.stack.watched import Watched

BETWEEN = 3
"""So many forms are taken between two kills."""
OURS = ("worker", "web", "inbox", "postgres")

ASKED_OF_THE_SERVER = {
    name
    for panel in TEMPORAL
    for name in re.findall(r"\b(?:approximate_backlog|service|state|persistence|lock)_\w+", panel.expression)
    if name != "service_name"
}
"""The server's own metrics that a board asks for."""

Kills = dict[str, Callable[[], Awaitable[None]]]

pytestmark = [pytest.mark.timeout(3600)]


@dataclass(frozen=True)
class Victims:
    """What can be killed."""

    cluster: Cluster
    stack: Stack
    second: Watched

    def all(self) -> Kills:
        """Return by name how each is killed; it returns when that runs again."""
        of_temporal: Kills = {f"Temporal's {name}": partial(self._of_cluster, name) for name in self.cluster.servers}
        of_stores: Kills = {
            "a backend of Temporal's Postgres": self.cluster.kill_a_backend,
            "the whole of Temporal's Postgres": partial(self._of_cluster, "postgres"),
        }
        ours: Kills = {f"our {name}": partial(self._of_ours, name) for name in OURS}
        return of_temporal | of_stores | ours | {"our second worker": self._second}

    async def _of_cluster(self, name: str) -> None:
        self.cluster.kill(name)
        await self.cluster.back(name)

    async def _of_ours(self, name: str) -> None:
        self.stack.kill(name)
        await self.stack.back(name)

    async def _second(self) -> None:
        self.second.kill()
        await self.second.ready.wait()


async def test_every_process_is_killed_while_cases_run_and_nothing_is_lost_or_doubled(
    state_dir: Path, record_property: Callable[[str, object], None]
) -> None:
    plan = ClusterPlan(state_dir / "cluster", server_programs(versions.SERVER), web_ui_program(versions.WEB_UI))
    async with (
        Cluster(plan) as cluster,
        one_address([each.address for each in cluster.frontends]) as address,
        receiving_traces() as traces,
    ):
        settings = alone(
            state_dir / "ours",
            temporal_address=address,
            temporal_ui_address=cluster.web_ui_address,
            telemetry=True,
            otlp_url=traces.url,
        )
        async with (
            Stack(settings, say=lambda _: None) as stack,
            second_worker(stack, state_dir / "second-worker.log") as second,
        ):
            victims = Victims(cluster, stack, second).all()
            # Once in this order and once backwards: each meets other work.
            order = [*victims, *reversed(victims)]
            count = (len(order) + 1) * BETWEEN
            async with database.opened(stack.settings) as sessions:
                await load_customers(sessions, state_dir, count)
            outside, taken = Outside(stack.settings), asyncio.Semaphore(0)

            async def apply(number: int) -> ApplicationNo:
                case_no = await apply_as(outside, number)
                taken.release()
                return case_no

            async def kill_all() -> None:
                for name in order:
                    for _ in range(BETWEEN):
                        await taken.acquire()
                    await victims[name]()

            numbers, _ = await asyncio.gather(at_once(range(count), apply, limit=6), kill_all())
            doubled = await nothing_is_lost_and_nothing_is_doubled(stack.settings, outside, numbers)

            record_property("kills", len(order))
            record_property("killed", ", ".join(victims))
            record_property("cases", count)
            record_property("notices that came twice", doubled)
            record_property("connections of Temporal to Postgres", await cluster.connections())
            record_property("cases whose traces reach from the form to a mail", await traced_to_a_mail(traces, numbers))
            assert await metrics_of(cluster) >= ASKED_OF_THE_SERVER


async def traced_to_a_mail(traces: OtlpReceiver, numbers: Sequence[ApplicationNo]) -> int:
    """Return of how many a mail is in the trace that their form has begun; a process that is killed sends no more."""
    forms = {span.attributes["tetsuzuki.case"]: span.trace_id for span in traces.named("POST /api/applications")}
    mailed = {span.trace_id for span in traces.named("mail")}
    found = sum(forms.get(number) in mailed for number in numbers)
    assert found > 0
    return found


async def metrics_of(cluster: Cluster) -> set[str]:
    """Return the names of all metrics that the processes of the server serve, each at its own port."""
    names = set[str]()
    async with httpx.AsyncClient(timeout=10) as http:
        for process in cluster.servers.values():
            text = (await http.get(f"http://127.0.0.1:{process.metrics}/metrics")).text
            names |= set(re.findall(r"^(\w+)(?:{| )", text, re.MULTILINE))
    return names
