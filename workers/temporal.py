"""Connects to Temporal, for every process alike, and prepares what the namespace must have before cases can run."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from temporalio.api.workflowservice.v1 import (
    DescribeWorkerDeploymentRequest,
    SetWorkerDeploymentCurrentVersionRequest,
)
from temporalio.client import Client
from temporalio.envconfig import ClientConfig, ClientConnectConfig
from temporalio.service import RPCError, RPCStatusCode

from workers import schedules
from workers.build_id import build_id
from workers.case_keys import CaseKeys, opened_keys
from workers.codec import CaseCodec, NoPayloads, converter
from workers.identity import identity
from workers.namespace_set_up import TemporalSetUpError, describe, keep_closed_cases, register_search_attributes
from workers.program import ClearError
from workers.settings import Settings
from workers.telemetry.tracing import traced_client
from workers.tls import temporal_tls


class TemporalUnreachableError(ClearError):
    """No server answers."""


class TemporalConfigError(ClearError):
    """Temporal's own variables or configuration file cannot be read, or lack the profile that is set."""


def address(settings: Settings) -> str | None:
    """The `host:port` that was set, here or in Temporal's own configuration; None: the embedded server's."""
    return settings.temporal_address or _profile(settings).get("target_host")


def embedded_address(settings: Settings) -> str:
    """The `host:port` of the embedded server."""
    return f"127.0.0.1:{settings.temporal_port}"


async def connect(
    settings: Settings, keys: CaseKeys | None = None, *, role: str = "command", lazy: bool = False
) -> Client:
    """The profile of Temporal's own configuration, overridden by `TETSUZUKI_*`, else the embedded server.

    `keys` encrypt what is written; without them the client only asks the server about itself. `role` is what the
    process is called there. Lazy: connects with the first call, so that a process can start before Temporal does.

    Raises:
        TemporalUnreachableError: no server answers there.
        TemporalConfigError, TlsError: as `connection`.

    """
    profile = connection(settings)
    encrypts = settings.encrypt_histories
    codec = CaseCodec(keys, profile["namespace"], encrypts=encrypts, marks=True) if keys else NoPayloads()
    named, traced = identity(settings, role), traced_client(settings)
    try:
        return await Client.connect(
            **profile, identity=named, data_converter=converter(codec), interceptors=traced, lazy=lazy
        )
    except RuntimeError as error:  # what the SDK raises for any server that it cannot reach
        raise TemporalUnreachableError(f"Temporal does not answer at {profile['target_host']}: {error}") from None


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Client]:
    """For commands: a client that reads and writes histories. Raises `TemporalUnreachableError`."""
    async with opened_keys(settings) as keys:
        yield await connect(settings, keys)


def connection(settings: Settings) -> ClientConnectConfig:
    """Return how the server is reached. Nothing is connected.

    Raises:
        TemporalConfigError: Temporal's own configuration cannot be read.
        TlsError: what is set for TLS cannot be used.

    """
    profile = _profile(settings)
    host = profile["target_host"] = address(settings) or embedded_address(settings)
    if "temporal_namespace" in settings.model_fields_set or "namespace" not in profile:
        profile["namespace"] = settings.temporal_namespace
    profile["tls"] = temporal_tls(settings, profile, host)
    if settings.temporal_api_key:
        profile["api_key"] = settings.temporal_api_key.get_secret_value()
    return profile


def _profile(settings: Settings) -> ClientConnectConfig:
    if not settings.temporal_config:
        return {}
    # Its own variables alone: the SDK ends the whole process for any other that is not UTF-8.
    its_own = {name: value for name, value in os.environ.items() if name.startswith("TEMPORAL_")}
    try:
        return ClientConfig.load_client_connect_config(settings.temporal_profile, override_env_vars=its_own)
    except UnicodeEncodeError:
        raise TemporalConfigError("a TEMPORAL_… variable is not UTF-8: correct it, or leave it out") from None
    except RuntimeError as error:
        named = f"TETSUZUKI_TEMPORAL_PROFILE {settings.temporal_profile}" if settings.temporal_profile else "TEMPORAL_…"
        raise TemporalConfigError(
            f"Temporal's own configuration ({named}, and the file that it names) cannot be used: {error}; "
            "TETSUZUKI_TEMPORAL_CONFIG=false leaves it out"
        ) from None


async def namespace_is_there(client: Client) -> bool:
    """Whether the server has made the namespace; a new embedded server makes it a little later."""
    try:
        await describe(client)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        if error.status is not RPCStatusCode.PERMISSION_DENIED:  # it is there, and not ours to look at
            raise
    return True


async def prepare(client: Client, settings: Settings) -> list[str]:
    """Keep closed cases long enough, register search attributes and schedules, make this build the current one.

    Cases follow the current build, so the replay check (`workers/commands/replay.py`) comes before. May be run again.
    Return what is left to whoever administers the namespace, where we may not.

    Raises:
        TemporalSetUpError: there is no such namespace, it refuses, or a search attribute of another type has the name.

    """
    try:
        if not await namespace_is_there(client):
            raise TemporalSetUpError(
                f"Temporal has no namespace {client.namespace!r}: make it there, or set TETSUZUKI_TEMPORAL_NAMESPACE"
            )
        left = [await keep_closed_cases(client, settings), await register_search_attributes(client)]
        reads_bounces = settings.bounce_imap_host or settings.bounce_maildir
        every = settings.bounce_every if reads_bounces else None
        await schedules.install(client, settings.temporal_task_queue, every)
        await _make_current(client, settings)
    except RPCError as error:
        raise TemporalSetUpError(
            f"Temporal does not let the namespace {client.namespace!r} be prepared ({error.status.name}: "
            f"{error.message}): see that the server is well, and that we may start workflows in it"
        ) from error
    return [each for each in left if each]


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
