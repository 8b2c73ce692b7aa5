"""TLS and the authorizer of Docker Compose, tried: its own variables on a cluster, with the files of `certificates`."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import pytest_asyncio
from temporalio.api.workflowservice.v1 import DeprecateNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from bench.cluster import versions
from bench.cluster.cluster import SERVICES, Cluster, ClusterPlan
from bench.cluster.environment import Security
from bench.cluster.programs import server_programs
from bench.registry import load_customers
from models.common.calendar import utc_now
from tests.support.many_cases import apply_as, nothing_is_lost_and_nothing_is_doubled
from tests.support.stack_cases import Outside
from workers import database, temporal
from workers.commands.certificates import HOLDERS, LASTS, make_certificates
from workers.settings import Settings
from workers.stack.checks import free_port
from workers.stack.parts import Part, listens, until
from workers.stack.stack_settings import alone
from workers.stack.supervisor import Stack
from workers.temporal import TemporalUnreachableError

CASES = 3

pytestmark = [pytest.mark.timeout(3600)]


@dataclass
class Secured:
    """A cluster that asks everybody who they are."""

    cluster: Cluster
    certificates: Path

    def access(self, holder: str, *, token: Path | None = None) -> dict[str, Any]:
        """Return the settings by which a holder of certificates is known, with its token or another one."""
        folder = self.certificates / holder
        return {
            "temporal_address": self.cluster.address,
            "temporal_tls": True,
            "temporal_ca": folder / "ca.pem",
            "temporal_server_name": "temporal",
            "temporal_client_certificate": folder / "client.pem",
            "temporal_client_key": folder / "client.key",
            "temporal_api_key": _secret(token or folder / "token"),
        }


def _secret(file: Path) -> Any:
    return Settings(temporal_api_key=file.read_text()).temporal_api_key


@pytest_asyncio.fixture(scope="module")
async def secured() -> AsyncIterator[Secured]:
    with TemporaryDirectory(prefix="tetsuzuki-") as name:
        async with _secured(Path(name)) as secured:
            yield secured


@asynccontextmanager
async def _secured(folder: Path) -> AsyncIterator[Secured]:
    certificates = folder / "certificates"
    make_certificates(certificates, Settings())
    async with _token_keys(certificates / "token-keys") as keys:
        plan = ClusterPlan(
            folder / "cluster",
            server_programs(versions.SERVER),
            security=Security(certificates, keys),
            services={"internal-frontend": "internal-frontend", **SERVICES},
        )
        cluster = Cluster(plan)
        plan.admin = alone(folder / "admin", **Secured(cluster, certificates).access("engineer"))
        async with cluster:
            yield Secured(cluster, certificates)


@asynccontextmanager
async def _token_keys(folder: Path) -> AsyncIterator[str]:
    """Serve the public half of the key that signs tokens, as Docker Compose's service does."""
    port = free_port()
    argv = ["-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", str(folder)]
    server = await asyncio.create_subprocess_exec(sys.executable, *argv, stderr=asyncio.subprocess.DEVNULL)
    try:
        await until(lambda: listens("127.0.0.1", port))
        yield f"http://127.0.0.1:{port}/jwks.json"
    finally:
        server.terminate()
        await server.wait()


class SecuredStack(Stack):
    """Each process is known as itself, as in Docker Compose."""

    def __init__(self, secured: Secured, settings: Settings) -> None:
        super().__init__(settings, say=lambda _: None)
        self._secured = secured

    def _settings_of(self, part: Part) -> Settings | None:
        given = super()._settings_of(part)
        holds = {holder.name for holder in HOLDERS if holder.reaches_temporal}
        return given.model_copy(update=self._secured.access(part.name)) if given and part.name in holds else given


async def test_cases_run_where_every_process_has_its_own_certificate_and_token(
    secured: Secured, state_dir: Path, record_property: Callable[[str, object], None]
) -> None:
    settings = alone(state_dir, **secured.access("migrate"), temporal_ui_address="http://127.0.0.1:9")
    async with SecuredStack(secured, settings) as stack:
        async with database.opened(stack.settings) as sessions:
            await load_customers(sessions, state_dir, CASES)
        outside = Outside(stack.settings)
        numbers = [await apply_as(outside, number) for number in range(CASES)]
        await nothing_is_lost_and_nothing_is_doubled(stack.settings, outside, numbers)
    record_property("cases", CASES)


async def started(**access: Any) -> bool:
    """Start a workflow that nobody runs; return whether the server has let us."""
    try:
        client = await connected(**access)
        handle = await client.start_workflow("nothing", id="tried", task_queue="nobody")
        await handle.terminate()
    except RPCError as error:
        assert error.status is RPCStatusCode.PERMISSION_DENIED  # noqa: PT017 nothing else refuses
        return False
    except TemporalUnreachableError as error:
        assert "PermissionDenied" in str(error)  # noqa: PT017
        return False
    return True


async def connected(**access: Any) -> Client:
    return await temporal.connect(alone(Path("nowhere"), **access))


async def test_a_token_lets_do_what_it_says_and_nothing_else(secured: Secured, tmp_path: Path) -> None:
    certificates = secured.certificates
    assert await started(**secured.access("worker"))
    writer = await connected(**secured.access("worker"))
    with pytest.raises(RPCError) as denied:
        await writer.workflow_service.deprecate_namespace(DeprecateNamespaceRequest(namespace="default"))
    assert denied.value.status is RPCStatusCode.PERMISSION_DENIED

    may_read = secured.access("desk", token=certificates / "desk" / "ui-token")
    await (await connected(**may_read)).count_workflows()
    assert not await started(**may_read)

    others = tmp_path / "others"
    make_certificates(others, Settings())
    old, elsewhere = tmp_path / "old", tmp_path / "elsewhere"
    for folder, settings, at in (
        (old, Settings(), utc_now() - LASTS - timedelta(days=1)),
        (elsewhere, Settings(temporal_namespace="another"), utc_now()),
    ):
        (folder / "authority").mkdir(parents=True)
        (folder / "authority" / "tokens.key").write_bytes((certificates / "authority" / "tokens.key").read_bytes())
        make_certificates(folder, settings, at)
    for token in (others / "worker", old / "worker", elsewhere / "worker"):
        assert not await started(**secured.access("worker", token=token / "token")), token
    without = secured.access("worker")
    without.pop("temporal_api_key")
    assert not await started(**without)


async def test_who_has_no_certificate_of_the_authority_is_not_let_in_and_nothing_goes_in_clear(
    secured: Secured, tmp_path: Path
) -> None:
    make_certificates(tmp_path, Settings())
    right = secured.access("worker")
    stranger = {
        "temporal_client_certificate": tmp_path / "worker" / "client.pem",
        "temporal_client_key": tmp_path / "worker" / "client.key",
    }
    nobody = {name: value for name, value in right.items() if name not in stranger}
    clear = {"temporal_address": secured.cluster.address, "temporal_tls": False}
    another_server = right | {"temporal_ca": tmp_path / "worker" / "ca.pem"}
    for access in (right | stranger, nobody, clear, another_server):
        with pytest.raises(TemporalUnreachableError):
            await connected(**access)
    internal = secured.cluster.servers["internal-frontend"].address
    with pytest.raises(TemporalUnreachableError):  # it asks for a certificate of Temporal's own authority
        await connected(**right | {"temporal_address": internal})
    assert await started(**right)
