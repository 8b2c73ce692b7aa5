"""The Temporal server that tests use: a dev server of their own, or a cluster that runs already."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from temporalio.client import Client, WorkflowHandle
from temporalio.testing import TimeSkipper, TimeSkippingConfig, WorkflowEnvironment

from tests.support.encryption import ENCRYPTED, DecryptedHistories
from tests.support.running import PatientQueries
from tests.support.signing import SIGNED_BY_TESTS
from workers.namespace_set_up import register_search_attributes
from workers.stack import temporal_server
from workflows.common import search_attributes

_AS_IN_LIFE = TimeSkippingConfig(enabled=False)
"""Time passes as in life until a test skips some."""


@dataclass(frozen=True)
class RunningCluster:
    """A cluster on which cases can be fast-forwarded, with the namespace `default`."""

    address: str
    web_ui: str | None


_cluster: list[RunningCluster] = []


def use_cluster(cluster: RunningCluster) -> None:
    """Let all tests of this process use it."""
    _cluster[:] = [cluster]


@asynccontextmanager
async def shared_server() -> AsyncIterator[WorkflowEnvironment]:
    """Give the cluster that was named, else a new dev server."""
    if _cluster:
        yield await _on_cluster(_cluster[0])
        return
    async with await _dev_server(*temporal_server.BROKEN_CASES_AT_ONCE) as server:
        yield server


@asynccontextmanager
async def server_with_ui() -> AsyncIterator[tuple[WorkflowEnvironment, str]]:
    """Give one with a Web UI, and the address of that."""
    if _cluster and _cluster[0].web_ui:
        yield await _on_cluster(_cluster[0]), _cluster[0].web_ui
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    async with await _dev_server(ui=True, ui_port=port) as server:
        yield server, f"http://127.0.0.1:{port}"


async def _dev_server(*options: str, **more: Any) -> WorkflowEnvironment:
    return await WorkflowEnvironment.start_time_skipping_v2(
        ts_config=_AS_IN_LIFE,
        data_converter=ENCRYPTED,
        interceptors=_interceptors(),
        dev_server_existing_path=str(temporal_server.binary()),
        dev_server_log_level="error",
        dev_server_extra_args=[*temporal_server.TIME_SKIPPING, *options],
        search_attributes=search_attributes.ALL,
        **more,
    )


async def _on_cluster(cluster: RunningCluster) -> WorkflowEnvironment:
    client = await Client.connect(cluster.address, data_converter=ENCRYPTED, interceptors=_interceptors())
    await register_search_attributes(client)
    return _ClusterEnvironment(client)


def _interceptors() -> list[Any]:
    return [PatientQueries(), SIGNED_BY_TESTS, DecryptedHistories()]


class _ClusterEnvironment(WorkflowEnvironment):
    """As the SDK's own for a dev server, on one that others started and end."""

    def __init__(self, client: Client) -> None:
        self._skipper = TimeSkipper(client, config=_AS_IN_LIFE)
        super().__init__(self._skipper.client)

    @property
    def supports_time_skipping_v2(self) -> bool:
        return True

    async def get_current_time(self, handle: WorkflowHandle[Any, Any] | None = None) -> datetime:
        assert handle is not None, "each workflow has a clock of its own"
        return await self._skipper.get_current_time(handle)

    async def fast_forward(
        self, handle: WorkflowHandle[Any, Any], duration: timedelta | float | None = None, /
    ) -> bool:
        return await self._skipper.fast_forward(handle, duration)
