"""The same batch on a cluster and on the dev server, in turns in one run; and the bare procedure on the cluster."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import psutil
from temporalio.client import Client

from bench.bare import bare_side
from bench.batch import AT_ONCE, Batch, measure
from bench.cluster import versions
from bench.cluster.cluster import Cluster, ClusterPlan
from bench.cluster.programs import server_programs
from bench.events import count_events
from bench.ours import Ours, our_stack
from models.common.store.sessions import DatabaseSessions
from workers.program import say
from workers.stack.supervisor import Stack

_OURS = ("worker", "web", "postgres")
_DIGITS = 3


class OnCluster(Ours):
    """Our side, with the processes of a cluster as those of Temporal."""

    def __init__(
        self, cluster: Cluster, stack: Stack, sessions: DatabaseSessions, client: Client, http: httpx.AsyncClient
    ) -> None:
        super().__init__(stack, sessions, client, http)
        self._cluster = cluster

    @property
    def temporal_processes(self) -> Mapping[str, int]:
        return {f"temporal {name}": pid for name, pid in self._cluster.processes.items()}


@dataclass(frozen=True)
class ClusterRound:
    """One batch of each."""

    cluster: Batch
    dev: Batch
    bare: Batch
    """The bare procedure on the cluster."""


async def measure_cluster(applications: int, rounds: int) -> dict[str, Any]:
    """Measure, print the figures as a line of JSON, and return them."""
    each = applications + AT_ONCE
    customers = AT_ONCE + rounds * each
    async with _cluster_side(customers + 1) as (cluster, on_cluster), our_stack(customers) as on_dev:
        for side in (on_cluster, on_dev):
            await measure(side, range(AT_ONCE))
        measured = []
        for number, first in enumerate(range(AT_ONCE, customers, each)):
            say(f"round {number + 1} of {rounds}")
            numbers = range(first, first + applications)
            sides = (on_cluster, on_dev) if number % 2 == 0 else (on_dev, on_cluster)
            batches = {side: await measure(side, numbers) for side in sides}
            async with bare_side(on_cluster) as bare:
                await measure(bare, range(AT_ONCE))
                bare_batch = await measure(bare, numbers)
            measured.append(ClusterRound(batches[on_cluster], batches[on_dev], bare_batch))
        say("events of a single case, and what the processes hold")
        events = await count_events(on_cluster, [customers])
        held = {"connections_to_postgres": await cluster.connections(), "memory_mib": _memory(on_cluster.processes)}
    return (
        figures(measured)
        | held
        | {
            "shards": cluster.plan.shards,
            "events_to_notice": events.to_notice,
            "events_to_closed": events.to_closed,
        }
    )


def _memory(processes: Mapping[str, int]) -> dict[str, int]:
    """Return how much memory each part holds, in MiB; Postgres' processes share theirs."""
    return {
        part: sum(each.memory_info().rss for each in (psutil.Process(pid), *psutil.Process(pid).children())) // 2**20
        for part, pid in processes.items()
        if part != "sender" and "postgres" not in part
    }


@asynccontextmanager
async def _cluster_side(customers: int) -> AsyncIterator[tuple[Cluster, Ours]]:
    with TemporaryDirectory(prefix="tetsuzuki-bench-") as folder:
        plan = ClusterPlan(Path(folder), server_programs(versions.SERVER))
        async with (
            Cluster(plan) as cluster,
            our_stack(customers, temporal_address=cluster.address, temporal_ui_address="http://127.0.0.1:9") as ours,
        ):
            yield cluster, OnCluster(cluster, ours.stack, ours.sessions, ours.client, ours.http)


def figures(rounds: list[ClusterRound]) -> dict[str, Any]:
    """Return the medians of the rounds: rates and ratios, and CPU seconds per application of each part."""

    def middle(values: list[float]) -> float:
        return round(median(values), _DIGITS)

    temporal_parts = [part for part in rounds[0].cluster.cpu if part.startswith("temporal ")]

    def of_temporal(batch: Batch) -> float:
        return sum(seconds for part, seconds in batch.cpu.items() if part.startswith("temporal")) / len(batch.cases)

    ratios = {
        part: middle([(each.cluster.cpu_of(part) or 0) / (each.dev.cpu_of(part) or 1) for each in rounds])
        for part in _OURS
    }
    ratios["temporal"] = middle([of_temporal(each.cluster) / of_temporal(each.dev) for each in rounds])
    return {
        "applications": len(rounds[0].cluster.cases),
        "rounds": len(rounds),
        "notice_per_s": middle([each.cluster.per_second for each in rounds]),
        "notice_per_s_on_the_dev_server": middle([each.dev.per_second for each in rounds]),
        "cluster_ratio": middle([each.cluster.per_second / each.dev.per_second for each in rounds]),
        "bare_ratio": middle([each.cluster.per_second / each.bare.per_second for each in rounds]),
        "cpu_s_per_application": middle([each.cluster.cpu_per_application for each in rounds]),
        "cpu_ratio_by_part": ratios,
        "cpu_s_of_temporal": {
            part.removeprefix("temporal "): middle([each.cluster.cpu_of(part) or 0 for each in rounds])
            for part in temporal_parts
        },
        "cpu_s_of_ours": {part: middle([each.cluster.cpu_of(part) or 0 for each in rounds]) for part in _OURS},
        "cpu_s_of_ours_on_the_dev_server": {
            part: middle([each.dev.cpu_of(part) or 0 for each in rounds]) for part in (*_OURS, "temporal")
        },
    }
