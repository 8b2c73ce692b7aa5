"""`tetsuzuki health`: healthy means that work is really being done."""

import asyncio
import re
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio import activity, workflow
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from models.common.calendar import utc_now
from models.common.store.held_cases import HeldCases
from models.common.store.mark_rows import raise_epoch
from models.tables import HeldCaseRow
from tests.support.running import PATIENCE
from tests.support.secret_key import SECRET_KEY
from workers.health import check_web, check_worker, polls, say_what_is_held
from workers.identity import identity
from workers.program import ClearError
from workers.settings import Settings
from workers.temporal import TemporalUnreachableError


@workflow.defn
class Idle:
    @workflow.run
    async def run(self) -> None:
        """Never started."""


@activity.defn
async def idle() -> None:
    """Never called."""


async def refused(settings: Settings) -> str:
    try:
        await check_worker(settings)
    except ClearError as error:
        return str(error)
    return ""


def settings(environment: WorkflowEnvironment, queue: str, database_url: str | None = None) -> Settings:
    return Settings(
        database_url=database_url,
        temporal_address=environment.client.service_client.config.target_host,
        temporal_namespace=environment.client.namespace,
        temporal_task_queue=queue,
        secret_key=SECRET_KEY,
    )


async def test_a_task_queue_without_a_worker_is_not_healthy(temporal: WorkflowEnvironment, database_url: str) -> None:
    with pytest.raises(ClearError, match="no worker on"):
        await check_worker(settings(temporal, "nobody", database_url))


async def test_a_worker_of_another_machine_does_not_make_this_one_healthy(
    temporal: WorkflowEnvironment, database_url: str
) -> None:
    async with Worker(
        temporal.client,
        task_queue="elsewhere",
        workflows=[Idle],
        workflow_runner=UnsandboxedWorkflowRunner(),
        activities=[],
        identity=f"worker-{'0' * 12}-{'0' * 12}",
    ):
        with pytest.raises(ClearError, match="no worker on"):
            await check_worker(settings(temporal, "elsewhere", database_url))


async def test_a_worker_that_takes_workflows_only_is_not_healthy(
    temporal: WorkflowEnvironment, database_url: str
) -> None:
    async with (
        Worker(
            temporal.client,
            task_queue="half",
            workflows=[Idle],
            workflow_runner=UnsandboxedWorkflowRunner(),
            activities=[],
            identity=identity(settings(temporal, "half"), "worker"),
        ),
        asyncio.timeout(PATIENCE),
    ):
        while "workflow tasks" in (reason := await refused(settings(temporal, "half", database_url))):  # noqa: ASYNC110 its first poll
            await asyncio.sleep(0.1)
    assert "activity tasks" in reason


async def test_a_worker_that_takes_both_kinds_of_work_is_healthy(
    temporal: WorkflowEnvironment, database_url: str
) -> None:
    async with (
        Worker(
            temporal.client,
            task_queue="whole",
            workflows=[Idle],
            workflow_runner=UnsandboxedWorkflowRunner(),
            activities=[idle],
            identity=identity(settings(temporal, "whole"), "worker"),
        ),
        asyncio.timeout(PATIENCE),
    ):
        while await refused(settings(temporal, "whole", database_url)):  # noqa: ASYNC110 until its first polls
            await asyncio.sleep(0.1)


async def test_a_worker_is_known_by_its_process_and_its_name_shows_neither_that_nor_the_machine(
    temporal: WorkflowEnvironment, database_url: str
) -> None:
    ours = settings(temporal, "named", database_url)
    named = identity(ours, "worker", 4711)
    assert re.fullmatch(r"worker-[0-9a-f]{12}-[0-9a-f]{12}", named)
    assert socket.gethostname() not in named
    assert named != identity(ours, "worker", 4712)
    assert named != identity(ours.model_copy(update={"secret_key": SecretStr("other")}), "worker", 4711)
    async with (
        Worker(
            temporal.client,
            task_queue="named",
            workflows=[Idle],
            workflow_runner=UnsandboxedWorkflowRunner(),
            identity=named,
        ),
        asyncio.timeout(PATIENCE),
    ):
        while not await polls(temporal.client, ours, 4711):  # noqa: ASYNC110 until its first poll
            await asyncio.sleep(0.1)
        assert not await polls(temporal.client, ours, 4712)


async def test_no_server_is_not_healthy(database_url: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        port = taken.getsockname()[1]
        with pytest.raises(TemporalUnreachableError):
            await check_worker(Settings(temporal_address=f"127.0.0.1:{port}", database_url=database_url))


@pytest.fixture
def web_port() -> Iterator[int]:
    class SilentHandler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/healthz" else 404)
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), SilentHandler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


async def test_a_web_that_answers_is_healthy(web_port: int) -> None:
    await check_web(Settings(web_port=web_port))


async def test_no_web_is_not_healthy() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(ClearError, match="does not answer"):
            await check_web(Settings(web_port=taken.getsockname()[1]))


async def test_that_mails_wait_since_a_restore_is_said_for_as_long_as_they_do(
    sessions: async_sessionmaker[AsyncSession], capsys: pytest.CaptureFixture[str]
) -> None:
    await say_what_is_held(sessions)
    assert capsys.readouterr().out == ""
    async with sessions.begin() as session:
        await raise_epoch(session, 0, utc_now())
        session.add(HeldCaseRow(case_no="YS-000001", held_since=utc_now()))
    await say_what_is_held(sessions)
    assert "the mails and webhooks of 1 cases wait until they are released" in capsys.readouterr().out
    await HeldCases(sessions).release(None, by="ab", at=utc_now())
    await say_what_is_held(sessions)
    assert capsys.readouterr().out == ""
