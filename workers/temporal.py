"""Temporal: the one way to reach it, and what the namespace must have before cases can run."""

import asyncio

from google.protobuf.duration_pb2 import Duration
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, UpdateNamespaceRequest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.envconfig import ClientConfig
from temporalio.service import RPCError, RPCStatusCode

from workers.settings import Settings
from workflows import search_attributes

DATA_CONVERTER = pydantic_data_converter
"""What every client and worker writes into histories with; payload encryption has its place here."""


class TemporalSetUpError(Exception):
    """The namespace has something of another kind under a name that cases need."""


async def connect(settings: Settings, *, lazy: bool = False) -> Client:
    """The profile of Temporal's own configuration, overridden by `TETSUZUKI_*`, else the embedded server.

    Lazy: connects with the first call, so that a process can start before Temporal does.
    """
    profile = ClientConfig.load_client_connect_config(settings.temporal_profile)
    embedded = f"127.0.0.1:{settings.temporal_port}"
    profile["target_host"] = settings.temporal_address or profile.get("target_host") or embedded
    if "temporal_namespace" in settings.model_fields_set or "namespace" not in profile:
        profile["namespace"] = settings.temporal_namespace
    return await Client.connect(**profile, data_converter=DATA_CONVERTER, lazy=lazy)


async def prepare(client: Client, settings: Settings) -> None:
    """Keep closed cases long enough and register the search attributes. May be run again and again.

    Raises:
        TemporalSetUpError: a search attribute of another type has the name.

    """
    await _keep_closed_cases(client, settings)
    await _register_search_attributes(client)


async def _keep_closed_cases(client: Client, settings: Settings) -> None:
    retention = Duration()
    retention.FromTimedelta(settings.temporal_retention)
    namespace = await client.workflow_service.describe_namespace(
        DescribeNamespaceRequest(namespace=client.namespace), retry=True
    )
    # Never shortened: an operator may have set more.
    if namespace.config.workflow_execution_retention_ttl.ToTimedelta() < settings.temporal_retention:
        config = NamespaceConfig(workflow_execution_retention_ttl=retention)
        await client.workflow_service.update_namespace(
            UpdateNamespaceRequest(namespace=client.namespace, config=config)
        )


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
