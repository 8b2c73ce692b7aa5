"""Temporal: the one way to reach it, and what the namespace must have before cases can run."""

import asyncio

from google.protobuf.duration_pb2 import Duration
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    DescribeNamespaceResponse,
    UpdateNamespaceRequest,
)
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.envconfig import ClientConfig
from temporalio.service import RPCError, RPCStatusCode

from workers import schedules
from workers.errors import ClearError
from workers.settings import Settings
from workflows import search_attributes

DATA_CONVERTER = pydantic_data_converter
"""What every client and worker writes into histories with; payload encryption has its place here."""


class TemporalUnreachableError(ClearError):
    """No server answers."""


class TemporalSetUpError(ClearError):
    """The namespace has something of another kind under a name that cases need."""


def address(settings: Settings) -> str | None:
    """The `host:port` that was set, here or in Temporal's own configuration; None: the embedded server's."""
    profile = ClientConfig.load_client_connect_config(settings.temporal_profile)
    return settings.temporal_address or profile.get("target_host")


def embedded_address(settings: Settings) -> str:
    """The `host:port` of the embedded server."""
    return f"127.0.0.1:{settings.temporal_port}"


async def connect(settings: Settings, *, lazy: bool = False) -> Client:
    """The profile of Temporal's own configuration, overridden by `TETSUZUKI_*`, else the embedded server.

    Lazy: connects with the first call, so that a process can start before Temporal does.

    Raises:
        TemporalUnreachableError: no server answers there.

    """
    profile = ClientConfig.load_client_connect_config(settings.temporal_profile)
    profile["target_host"] = address(settings) or embedded_address(settings)
    if "temporal_namespace" in settings.model_fields_set or "namespace" not in profile:
        profile["namespace"] = settings.temporal_namespace
    try:
        return await Client.connect(**profile, data_converter=DATA_CONVERTER, lazy=lazy)
    except RuntimeError as error:  # what the SDK raises for any server that it cannot reach
        raise TemporalUnreachableError(f"Temporal does not answer at {profile['target_host']}: {error}") from None


async def namespace_is_there(client: Client) -> bool:
    """Whether the server has made the namespace; a new embedded server takes a moment."""
    try:
        await _describe(client)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        raise
    return True


async def prepare(client: Client, settings: Settings) -> None:
    """Keep closed cases long enough, register the search attributes and the schedules. May be run again and again.

    Raises:
        TemporalSetUpError: a search attribute of another type has the name.

    """
    await _keep_closed_cases(client, settings)
    await _register_search_attributes(client)
    await schedules.install(client, settings.temporal_task_queue)


async def _keep_closed_cases(client: Client, settings: Settings) -> None:
    retention = Duration()
    retention.FromTimedelta(settings.temporal_retention)
    namespace = await _describe(client)
    # Never shortened: an operator may have set more.
    if namespace.config.workflow_execution_retention_ttl.ToTimedelta() < settings.temporal_retention:
        config = NamespaceConfig(workflow_execution_retention_ttl=retention)
        await client.workflow_service.update_namespace(
            UpdateNamespaceRequest(namespace=client.namespace, config=config)
        )


async def _describe(client: Client) -> DescribeNamespaceResponse:
    request = DescribeNamespaceRequest(namespace=client.namespace)
    return await client.workflow_service.describe_namespace(request, retry=True)


async def _register_search_attributes(client: Client) -> None:
    wanted = {key.name: IndexedValueType.ValueType(key.indexed_value_type) for key in search_attributes.ALL}
    missing = {name: kind for name, kind in wanted.items() if name not in await _registered(client)}
    if missing:
        request = AddSearchAttributesRequest(namespace=client.namespace, search_attributes=missing)
        try:
            await client.operator_service.add_search_attributes(request)
        except RPCError as error:
            # Another process was faster.
            if error.status is not RPCStatusCode.ALREADY_EXISTS:
                raise
    # The server's own caches take a moment.
    while not wanted.keys() <= (registered := await _registered(client)).keys():  # noqa: ASYNC110
        await asyncio.sleep(0.1)
    wrong = sorted(name for name, kind in wanted.items() if registered[name] != kind)
    if wrong:
        raise TemporalSetUpError(f"search attributes of another type are in the way: {', '.join(wrong)}")


async def _registered(client: Client) -> dict[str, int]:
    request = ListSearchAttributesRequest(namespace=client.namespace)
    answer = await client.operator_service.list_search_attributes(request, retry=True)
    return {**answer.system_attributes, **answer.custom_attributes}
