"""Temporal's namespace is made ready for cases: retention and search attributes."""

from datetime import timedelta

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.testing import WorkflowEnvironment

from workers import temporal as temporal_set_up
from workers.settings import Settings


async def test_the_namespace_keeps_closed_cases_and_preparing_it_again_changes_nothing(
    temporal: WorkflowEnvironment,
) -> None:
    for _ in range(2):
        await temporal_set_up.prepare(temporal.client, Settings(temporal_retention=timedelta(days=100)))
        described = await temporal.client.workflow_service.describe_namespace(
            DescribeNamespaceRequest(namespace="default")
        )
        assert described.config.workflow_execution_retention_ttl.ToTimedelta() == timedelta(days=100)
