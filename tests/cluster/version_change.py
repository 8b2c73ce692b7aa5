"""A running cluster is brought to the next version, process by process, while cases begin and others are open."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from temporalio.api.workflowservice.v1 import GetClusterInfoRequest

from bench.batch import at_once
from bench.cluster import versions
from bench.cluster.cluster import Cluster, ClusterPlan
from bench.cluster.one_address import one_address
from bench.cluster.programs import server_programs
from bench.registry import load_customers
from models.yayoi.identifiers import ApplicationNo
from tests.support.many_cases import apply_as, nothing_is_lost_and_nothing_is_doubled
from tests.support.otlp_receiver import receiving_traces
from tests.support.stack_cases import Outside
from workers import database, temporal
from workers.stack.stack_settings import alone
from workers.stack.supervisor import Stack

OPEN_BEFORE = 12
DURING_EACH = 3
ORDER = ("history-1", "history-2", "matching", "frontend-1", "frontend-2", "worker")

pytestmark = [pytest.mark.timeout(3600)]


async def test_open_cases_go_on_through_a_change_of_temporal_s_version(
    state_dir: Path, record_property: Callable[[str, object], None]
) -> None:
    before, after = server_programs(versions.SERVER_BEFORE), server_programs(versions.SERVER)
    async with (
        Cluster(ClusterPlan(state_dir / "cluster", before)) as cluster,
        one_address([each.address for each in cluster.frontends]) as address,
        receiving_traces() as traces,
    ):
        assert set(ORDER) == cluster.servers.keys()
        # Nobody looks at a Web UI here.
        settings = alone(
            state_dir / "ours",
            temporal_address=address,
            temporal_ui_address=f"http://{address}",
            telemetry=True,
            otlp_url=traces.url,
        )
        async with Stack(settings, say=lambda _: None) as stack:
            count = OPEN_BEFORE + DURING_EACH * len(ORDER)
            async with database.opened(stack.settings) as sessions:
                await load_customers(sessions, state_dir, count)
            outside = Outside(stack.settings)

            async def apply(number: int) -> ApplicationNo:
                return await apply_as(outside, number)

            assert await _versions(cluster) == {versions.SERVER_BEFORE}
            numbers = await at_once(range(OPEN_BEFORE), apply)
            await cluster.update_schemas(after)
            for name in ORDER:
                more = range(len(numbers), len(numbers) + DURING_EACH)
                begun, _ = await asyncio.gather(at_once(more, apply), cluster.replace(name, after))
                numbers += begun
            assert await _versions(cluster) == {versions.SERVER}
            doubled = await nothing_is_lost_and_nothing_is_doubled(stack.settings, outside, numbers)
            record_property("from", versions.SERVER_BEFORE)
            record_property("to", versions.SERVER)
            record_property("cases", count)
            record_property("notices that came twice", doubled)


async def _versions(cluster: Cluster) -> set[str]:
    found = set()
    for frontend in cluster.frontends:
        client = await temporal.connect(alone(cluster.plan.folder, temporal_address=frontend.address))
        found.add((await client.workflow_service.get_cluster_info(GetClusterInfoRequest())).server_version)
    return found
