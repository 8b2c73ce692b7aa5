"""A Temporal cluster on this machine: a process for each service, two of some, both stores in PostgreSQL, a Web UI."""

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import asyncpg
import yaml
from google.protobuf.duration_pb2 import Duration
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from bench.cluster import environment
from bench.cluster.environment import ClusterSettings, Security, ServerProcess
from bench.cluster.programs import ServerPrograms
from workers import temporal
from workers.program import Say
from workers.settings import Settings
from workers.stack import postgres
from workers.stack.checks import free_port
from workers.stack.parts import Part, listens, until
from workers.stack.postgres import Command
from workers.stack.stack_settings import alone
from workers.stack.watched import Watched

STORES = {"temporal": "temporal", "temporal_visibility": "visibility"}
"""Each database with the name of its schema."""
SERVICES = {
    "frontend-1": "frontend",
    "frontend-2": "frontend",
    "history-1": "history",
    "history-2": "history",
    "matching": "matching",
    "worker": "worker",
}
CONNECTIONS = 400
"""Which Postgres takes: each process of the server opens up to twenty for cases and ten for their lists."""
_USABLE_WITHIN = 120.0  # seconds
_LOOK_AGAIN_AFTER = 0.5
_RETENTION = 90 * 24 * 3600  # seconds


@dataclass
class ClusterPlan:
    """What a cluster is made of."""

    folder: Path
    programs: ServerPrograms
    web_ui: Path | None = None
    shards: int = 16
    security: Security | None = None
    admin: Settings | None = None
    """By which the namespace is made; None: without TLS and token."""
    services: dict[str, str] = field(default_factory=lambda: dict(SERVICES))


class Cluster:
    """It runs while the context lasts, and has the namespace `default`. A process that dies is started again."""

    def __init__(self, plan: ClusterPlan, say: Say = lambda _: None) -> None:
        self.plan = plan
        self._say = say
        self._postgres_port = free_port()
        self.servers = {name: ServerProcess.of(name, service) for name, service in plan.services.items()}
        self.frontends = [each for each in self.servers.values() if each.service == "frontend"]
        self.web_ui_address = f"http://127.0.0.1:{free_port()}"
        self._dynamic = plan.folder / "dynamic.yaml"
        self._parts: dict[str, Watched] = {}
        self._exit = contextlib.AsyncExitStack()

    @property
    def address(self) -> str:
        """The first frontend's."""
        return self.frontends[0].address

    @property
    def processes(self) -> dict[str, int]:
        """The process number of each part, by name."""
        return {name: part.mark.pid for name, part in self._parts.items() if part.mark}

    @property
    def postgres_url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self._postgres_port}"

    def kill(self, name: str) -> None:
        """`kill -9` this part."""
        self._parts[name].kill()

    async def back(self, name: str) -> None:
        """Wait until a part that was killed listens again."""
        await self._parts[name].ready.wait()

    async def kill_a_backend(self) -> None:
        """`kill -9` a process of Postgres that serves Temporal: Postgres then ends all others and recovers."""
        connection = await asyncpg.connect(f"{self.postgres_url}/postgres")
        try:
            pids = await connection.fetch("select pid from pg_stat_activity where datname = 'temporal' limit 1")
        finally:
            await connection.close()
        if not pids:
            raise LookupError("Temporal has no connection to Postgres")
        os.kill(pids[0]["pid"], signal.SIGKILL)

    async def connections(self) -> int:
        """How many connections Temporal holds to Postgres now."""
        connection = await asyncpg.connect(f"{self.postgres_url}/postgres")
        try:
            held = "select count(*) from pg_stat_activity where datname like 'temporal%'"
            return int(await connection.fetchval(held))
        finally:
            await connection.close()

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as undo:
            self.plan.folder.mkdir(parents=True, exist_ok=True)
            environment.write_dynamic_config(self._dynamic)
            await self._start([self._postgres()], undo)
            await self.update_schemas(self.plan.programs, new=True)
            # Each writes the cluster's record as it starts: of several that do so at once, all but one end.
            for each in self.servers.values():
                await self._start([self._server(each, self.plan.programs)], undo)
            await self._make_namespace()
            if self.plan.web_ui:
                await self._start([self._web_ui(self.plan.web_ui)], undo)
            self._exit = undo.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._exit.__aexit__(kind, error, trace)

    async def replace(self, name: str, programs: ServerPrograms) -> None:
        """End one process gently, and start it as this version."""
        await self._parts[name].stop()
        await self._start([self._server(self.servers[name], programs)], self._exit)

    async def update_schemas(self, programs: ServerPrograms, *, new: bool = False) -> None:
        """Bring both stores to what a version of the server needs; the servers may run meanwhile."""
        for database, schema in STORES.items():
            if new:
                await self._sql(programs, database, "create-database")
                await self._sql(programs, database, "setup-schema", "--version", "0.0")
            await self._sql(programs, database, "update-schema", "--schema-name", f"postgresql/v12/{schema}")

    async def _sql(self, programs: ServerPrograms, database: str, *arguments: str) -> None:
        where = ["--endpoint", "127.0.0.1", "--port", str(self._postgres_port), "--user", "postgres"]
        command = [str(programs.sql), "--plugin", "postgres12", *where, "--database", database, *arguments]
        ended = await asyncio.create_subprocess_exec(
            *command, env=environment.without_settings(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        said, _ = await ended.communicate()
        if ended.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}:\n{said.decode()[-2000:]}")

    async def _start(self, parts: Sequence[Part], undo: contextlib.AsyncExitStack) -> None:
        for part in parts:
            variables = self._variables(part.name)
            log = self.plan.folder / f"{part.name}.log"
            watched = Watched(part, variables, log, self._say, lambda: None)
            self._parts[part.name] = watched
            undo.push_async_callback(watched.stop)
        await asyncio.gather(*(self._parts[part.name].start() for part in parts))

    def _variables(self, name: str) -> dict[str, str]:
        if name not in self.servers:
            return environment.without_settings()
        plan = self.plan
        shared = ClusterSettings(self.frontends[0], self._postgres_port, plan.shards, self._dynamic, plan.security)
        return shared.of(self.servers[name])

    def _postgres(self) -> Part:
        data, socket = self.plan.folder / "postgres", self.plan.folder / "socket"
        options = ("listen_addresses=127.0.0.1", f"port={self._postgres_port}", f"max_connections={CONNECTIONS}")

        def prepare() -> Command:
            postgres.prepare(data, socket, self._say)
            return postgres.command(data, socket, *options)

        async def answers() -> bool:
            try:
                connection = await asyncpg.connect(f"{self.postgres_url}/postgres")
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                return False
            await connection.close()
            return True

        return Part(
            name="postgres",
            prepare=prepare,
            ready=lambda _pid: until(answers),
            stop_signal=postgres.STOP_SIGNAL,
            patience=30,
        )

    def _server(self, process: ServerProcess, programs: ServerPrograms) -> Part:
        argv = [str(programs.server), "--allow-no-auth", "start", "--service", process.service]
        return Part(
            name=process.name,
            prepare=lambda: Command(argv, {}),
            ready=lambda _pid: until(lambda: listens("127.0.0.1", process.grpc)),
            patience=30,
        )

    def _web_ui(self, program: Path) -> Part:
        folder = self.plan.folder / "web-ui"
        folder.mkdir(exist_ok=True)
        port = int(self.web_ui_address.rpartition(":")[2])
        said = {
            "temporalGrpcAddress": self.address,
            "host": "127.0.0.1",
            "port": port,
            "enableUi": True,
            "defaultNamespace": "default",
            "disableNewsFetch": True,
            "cors": {"cookieInsecure": True, "allowOrigins": [self.web_ui_address]},
        }
        (folder / "cluster.yaml").write_text(yaml.safe_dump(said))
        argv = [str(program), "--root", str(folder), "--config", ".", "--env", "cluster", "start"]
        return Part(
            name="web-ui",
            prepare=lambda: Command(argv, {}),
            ready=lambda _pid: until(lambda: listens("127.0.0.1", port)),
        )

    async def _make_namespace(self) -> None:
        admin = self.plan.admin or alone(self.plan.folder)
        admin = admin.model_copy(update={"temporal_address": self.address})
        retention = Duration(seconds=_RETENTION)
        request = RegisterNamespaceRequest(namespace="default", workflow_execution_retention_period=retention)
        async with asyncio.timeout(_USABLE_WITHIN):
            while True:
                try:
                    client = await temporal.connect(admin)
                    await client.workflow_service.register_namespace(request)
                    break
                except RPCError as error:
                    if error.status is RPCStatusCode.ALREADY_EXISTS:
                        break
                except temporal.TemporalUnreachableError:
                    pass
                await asyncio.sleep(_LOOK_AGAIN_AFTER)
            # Every process reads anew which namespaces there are.
            while not await _is_usable(client):  # noqa: ASYNC110 other processes
                await asyncio.sleep(_LOOK_AGAIN_AFTER)


async def _is_usable(client: Client) -> bool:
    """Whether the namespace is known to the frontend, to history, and to matching."""
    try:
        handle = await client.start_workflow("nothing", id="namespace-is-usable", task_queue="nothing")
        await handle.terminate()
        await client.count_workflows()
    except RPCError:
        return False
    return True
