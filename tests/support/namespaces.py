"""Namespaces of one test alone."""

from datetime import timedelta
from uuid import uuid4

from google.protobuf.duration_pb2 import Duration
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment


async def new_namespace(temporal: WorkflowEnvironment, kept: timedelta = timedelta(days=1)) -> Client:
    name = f"test-{uuid4()}"
    retention = Duration()
    retention.FromTimedelta(kept)
    request = RegisterNamespaceRequest(namespace=name, workflow_execution_retention_period=retention)
    await temporal.client.workflow_service.register_namespace(request)
    return Client(temporal.client.service_client, namespace=name)
