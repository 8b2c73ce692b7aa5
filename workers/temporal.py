"""Connects to Temporal, and prepares what the namespace must have before cases can run."""

import asyncio

from google.protobuf.duration_pb2 import Duration
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    DescribeNamespaceResponse,
    DescribeWorkerDeploymentRequest,
    SetWorkerDeploymentCurrentVersionRequest,
    UpdateNamespaceRequest,
)
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.envconfig import ClientConfig, ClientConnectConfig
from temporalio.service import RPCError, RPCStatusCode

from workers import schedules
from workers.build_id import build_id
from workers.program import ClearError
from workers.settings import Settings
from workers.tls import temporal_tls
from workflows.common import search_attributes

DATA_CONVERTER = pydantic_data_converter
"""What every client and worker writes into histories with; payload encryption would be set here."""


class TemporalUnreachableError(ClearError):
    """No server answers."""


class TemporalSetUpError(ClearError):
    """The namespace cannot be made ready for cases; the message says why and what to do."""


_SHOWN_WITHIN = 60.0  # seconds
_LOOK_AGAIN_AFTER = 0.1


def address(settings: Settings) -> str | None:
    """The `host:port` that was set, here or in Temporal's own configuration; None: the embedded server's."""
    return settings.temporal_address or _profile(settings).get("target_host")


def embedded_address(settings: Settings) -> str:
    """The `host:port` of the embedded server."""
    return f"127.0.0.1:{settings.temporal_port}"


async def connect(settings: Settings, *, lazy: bool = False) -> Client:
    """The profile of Temporal's own configuration, overridden by `TETSUZUKI_*`, else the embedded server.

    Lazy: connects with the first call, so that a process can start before Temporal does.

    Raises:
        TemporalUnreachableError: no server answers there.
        TlsError: what is set for TLS cannot be used.

    """
    profile = _profile(settings)
    host = profile["target_host"] = address(settings) or embedded_address(settings)
    if "temporal_namespace" in settings.model_fields_set or "namespace" not in profile:
        profile["namespace"] = settings.temporal_namespace
    profile["tls"] = temporal_tls(settings, profile, host)
    if settings.temporal_api_key:
        profile["api_key"] = settings.temporal_api_key.get_secret_value()
    try:
        return await Client.connect(**profile, data_converter=DATA_CONVERTER, lazy=lazy)
    except RuntimeError as error:  # what the SDK raises for any server that it cannot reach
        raise TemporalUnreachableError(f"Temporal does not answer at {profile['target_host']}: {error}") from None


def _profile(settings: Settings) -> ClientConnectConfig:
    return ClientConfig.load_client_connect_config(settings.temporal_profile) if settings.temporal_config else {}


async def namespace_is_there(client: Client) -> bool:
    """Whether the server has made the namespace; a new embedded server makes it a little later."""
    try:
        await _describe(client)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        raise
    return True


async def prepare(client: Client, settings: Settings) -> None:
    """Keep closed cases long enough, register search attributes and schedules, make this build the current one.

    Cases follow the current build, so the replay check (`workers/commands/replay.py`) comes before. May be run again.

    Raises:
        TemporalSetUpError: there is no such namespace, it refuses, or a search attribute of another type has the name.

    """
    try:
        if not await namespace_is_there(client):
            raise TemporalSetUpError(
                f"Temporal has no namespace {client.namespace!r}: make it there, or set TETSUZUKI_TEMPORAL_NAMESPACE"
            )
        await _keep_closed_cases(client, settings)
        await _register_search_attributes(client)
        reads_bounces = settings.bounce_imap_host or settings.bounce_maildir
        every = settings.bounce_every if reads_bounces else None
        await schedules.install(client, settings.temporal_task_queue, every)
        await _make_current(client, settings)
    except RPCError as error:
        raise TemporalSetUpError(
            f"Temporal does not let the namespace {client.namespace!r} be prepared ({error.status.name}: "
            f"{error.message}): see that the server is well, and that we may administer the namespace"
        ) from error


async def current_build(client: Client, settings: Settings) -> str | None:
    """Return the id of the build to which new cases go, and open ones that are not pinned; None: there is none."""
    request = DescribeWorkerDeploymentRequest(namespace=client.namespace, deployment_name=settings.deployment_name)
    try:
        found = await client.workflow_service.describe_worker_deployment(request, retry=True)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise
    return found.worker_deployment_info.routing_config.current_deployment_version.build_id or None


async def _make_current(client: Client, settings: Settings) -> None:
    if await current_build(client, settings) == build_id(settings):
        return
    request = SetWorkerDeploymentCurrentVersionRequest(
        namespace=client.namespace,
        deployment_name=settings.deployment_name,
        build_id=build_id(settings),
        # Its workers start after this: the server has not seen any of them yet, nor their task queue.
        allow_no_pollers=True,
        ignore_missing_task_queues=True,
    )
    await client.workflow_service.set_worker_deployment_current_version(request, retry=True)


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
    registered: dict[str, int] = {}
    try:
        async with asyncio.timeout(_SHOWN_WITHIN):
            while missing := wanted.keys() - (registered := await _registered(client)).keys():
                await _add(client, {name: wanted[name] for name in missing})
                await asyncio.sleep(_LOOK_AGAIN_AFTER)
    except TimeoutError:
        late = ", ".join(sorted(wanted.keys() - registered.keys()))
        raise TemporalSetUpError(
            f"Temporal does not show search attributes that were registered ({late}): see that it is well; try again"
        ) from None
    wrong = sorted(name for name, kind in wanted.items() if registered[name] != kind)
    if wrong:
        raise TemporalSetUpError(
            f"search attributes of another type are in the way: {', '.join(wrong)}: "
            "remove or rename them, or set TETSUZUKI_TEMPORAL_NAMESPACE to a namespace without them"
        )


async def _add(client: Client, missing: dict[str, IndexedValueType.ValueType]) -> None:
    request = AddSearchAttributesRequest(namespace=client.namespace, search_attributes=missing)
    try:
        await client.operator_service.add_search_attributes(request)
    except RPCError as error:
        # Another process was faster, or we were, and the server's caches show it later.
        if error.status is not RPCStatusCode.ALREADY_EXISTS:
            raise


async def _registered(client: Client) -> dict[str, int]:
    request = ListSearchAttributesRequest(namespace=client.namespace)
    found = await client.operator_service.list_search_attributes(request, retry=True)
    return {**found.system_attributes, **found.custom_attributes}
