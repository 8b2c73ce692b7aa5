"""What tests run against: a real Postgres, the real Temporal server with time skipping, a real SMTP server."""

import asyncio
import functools
import inspect
import itertools
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.pool import NullPool
from temporalio.testing import TimeSkippingConfig, WorkflowEnvironment
from temporalio.worker._workflow import _WorkflowWorker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner
from temporalio.workflow import _Definition

from tests.browsing import CHROMIUM, chromium
from tests.failures_at_once import FailuresAtOnce
from tests.smtp_inbox import SmtpInbox
from tests.world import World, world_with_worker
from workers import database, examples
from workers.registry_file import load
from workers.stack import temporal_server
from workers.stack.places import postgres_url
from workers.stack.scratch import scratch_server
from workers.temporal import DATA_CONVERTER
from workflows import search_attributes

__all__ = ["SmtpInbox"]

_TEMPLATE = "migrated"
_NUMBERS = itertools.count(1)
_LONGEST = 300  # seconds for one test, on a machine that is busy with others

expect.set_options(timeout=30_000)  # milliseconds: as patient as all else that waits for a page


@pytest.fixture(scope="session", autouse=True)
def _workers_among_many() -> Iterator[None]:
    """Two seconds without an answer are a deadlock in life; on a machine that is busy with tests they are not.

    And whether a workflow can be loaded in its sandbox is tried once, not for each of a thousand workers.
    """
    build = _WorkflowWorker.__init__
    prepare = SandboxedWorkflowRunner.prepare_workflow
    prepared = set[type]()

    def patiently(self: _WorkflowWorker, *args: Any, **kwargs: Any) -> None:
        build(self, *args, **kwargs)
        self._deadlock_timeout_seconds = 30

    def once(self: SandboxedWorkflowRunner, workflow: _Definition) -> None:
        if workflow.cls not in prepared:
            prepare(self, workflow)
            prepared.add(workflow.cls)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SandboxedWorkflowRunner, "prepare_workflow", once)
        patch.setattr(_WorkflowWorker, "__init__", patiently)
        yield


@contextmanager
def state_folder() -> Iterator[Path]:
    """A new folder for an embedded Postgres.

    Not under pytest's own: when another pytest starts, it closes that one to other users, and with it to the server's.
    """
    with TemporaryDirectory(prefix="tetsuzuki-") as folder:
        yield Path(folder)


@pytest.fixture
def state_dir() -> Iterator[Path]:
    """A new state folder for a stack of this test's own."""
    with state_folder() as folder:
        yield folder


@pytest_asyncio.fixture(scope="session")
async def postgres_socket() -> AsyncIterator[Path]:
    """A Postgres server for all tests, with a migrated database to copy."""
    async with scratch_server(_TEMPLATE) as socket_dir:
        yield socket_dir


@asynccontextmanager
async def new_database(socket_dir: Path, template: str) -> AsyncIterator[str]:
    name = f"test_{next(_NUMBERS)}"
    admin = create_async_engine(postgres_url(socket_dir, "postgres"), poolclass=NullPool, isolation_level="AUTOCOMMIT")
    async with admin.connect() as connection:
        await connection.execute(text(f'create database "{name}" template "{template}"'))
    try:
        yield postgres_url(socket_dir, name)
    finally:
        async with admin.connect() as connection:
            await connection.execute(text(f'drop database "{name}" with (force)'))
        await admin.dispose()


@pytest_asyncio.fixture
async def database_url(postgres_socket: Path) -> AsyncIterator[str]:
    """A database of this test alone, at the newest schema."""
    async with new_database(postgres_socket, _TEMPLATE) as url:
        yield url


@pytest_asyncio.fixture
async def empty_database_url(postgres_socket: Path) -> AsyncIterator[str]:
    """A database of this test alone, without any table."""
    async with new_database(postgres_socket, "template0") as url:
        yield url


@pytest_asyncio.fixture(scope="session")
async def _registry_template(postgres_socket: Path) -> AsyncIterator[str]:
    async with new_database(postgres_socket, _TEMPLATE) as url:
        engine = create_async_engine(url)
        await load(database.sessions(engine), examples.registry())
        await engine.dispose()
        yield str(engine.url.database)


@pytest_asyncio.fixture
async def registry_url(postgres_socket: Path, _registry_template: str) -> AsyncIterator[str]:
    """A database of this test alone that holds the example registry."""
    async with new_database(postgres_socket, _registry_template) as url:
        yield url


@pytest_asyncio.fixture
async def sessions(database_url: str) -> AsyncIterator[async_sessionmaker[AsyncSession]]:
    engine = create_async_engine(database_url, pool_timeout=300)  # seconds: many at once on a busy machine only wait
    yield database.sessions(engine)
    await engine.dispose()


@pytest_asyncio.fixture(scope="session")
async def temporal() -> AsyncIterator[WorkflowEnvironment]:
    """A Temporal server for all tests, where cases can be fast-forwarded."""
    async with await WorkflowEnvironment.start_time_skipping_v2(
        ts_config=TimeSkippingConfig(enabled=False),  # time passes as in life until a test skips some
        data_converter=DATA_CONVERTER,
        dev_server_existing_path=str(temporal_server.binary()),
        dev_server_log_level="error",
        dev_server_extra_args=temporal_server.TIME_SKIPPING,
        search_attributes=search_attributes.ALL,
    ) as environment:
        yield environment


@pytest_asyncio.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """A Chromium for all tests; each opens pages in it as somebody who has never been there."""
    async with chromium() as browser:
        yield browser


@pytest_asyncio.fixture
async def smtp_inbox() -> AsyncIterator[SmtpInbox]:
    """A real SMTP server on a free port."""
    async with SmtpInbox().listening() as inbox:
        yield inbox


@pytest_asyncio.fixture
async def world(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment, smtp_inbox: SmtpInbox
) -> AsyncIterator[World]:
    """A small world of this test's own, with a worker that follows the procedures."""
    async with world_with_worker(sessions, temporal, smtp_inbox) as world:
        yield world


def pytest_configure(config: pytest.Config) -> None:
    """Whoever runs the tests may have set the program up for servers of their own: tests see none of that."""
    if config.getoption("numprocesses", default=None):  # without, they are on the screen in a moment
        config.pluginmanager.register(FailuresAtOnce(config))
    for name in [name for name in os.environ if name.upper().startswith(("TETSUZUKI_", "TEMPORAL_"))]:
        del os.environ[name]
    os.environ["TEMPORAL_CONFIG_FILE"] = os.devnull


def bounded(test: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """Let a test that waits for what never comes fail where it waits, rather than where the loop was told to end."""

    @functools.wraps(test)
    async def within(*args: Any, **kwargs: Any) -> None:
        async with asyncio.timeout(_LONGEST):
            await test(*args, **kwargs)

    return within


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Bound every test. Where there is no browser, its tests are left out and say so; CI installs one."""
    for item in items:
        if isinstance(item, pytest.Function) and inspect.iscoroutinefunction(item.obj):
            item.obj = bounded(item.obj)
    if CHROMIUM is None:
        for item in items:
            if item.get_closest_marker("browser"):
                item.add_marker(pytest.mark.skip(reason="no Chromium (apt install chromium-headless-shell)"))
