"""What tests run against: a real Postgres, the real Temporal server with time skipping, a real SMTP server."""

import inspect
import logging
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import hypothesis
import pytest
import pytest_asyncio
from hypothesis import HealthCheck
from playwright.async_api import Browser, expect
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from temporalio.testing import WorkflowEnvironment

from models.common import security_log
from tests.browser.browsing import CHROMIUM, chromium
from tests.support.customer import Customer, customer_after_notice
from tests.support.databases import MIGRATED, new_database
from tests.support.encryption import MASTER, opened_keys_of_tests
from tests.support.environment import Environment, environment_with_worker
from tests.support.japan import MovedJapan, close_around_today, move
from tests.support.journals import JOURNAL_OF_TESTS
from tests.support.myics_environment import MyicsEnvironment, myics_with_worker
from tests.support.running import (
    LONGEST_OF_LONG,
    PATIENCE,
    FailuresAtOnce,
    bounded,
    garbage_collected_rarely,
    passwords_that_cost_little,
    routes_read_once,
    statements_compiled_once,
    templates_compiled_once,
    windows_from_the_first_try,
    workers_among_many,
)
from tests.support.scratch import scratch_server
from tests.support.shared_server import RunningCluster, shared_server, use_cluster
from tests.support.smtp_inbox import SmtpInbox
from tests.support.telemetry_on import turn_telemetry_on
from tests.support.web import Web, end_cases, fill_registry, web_on
from web.common.auth import rate_limits
from workers import database, examples, store_marks
from workers.registry.file import load

_JAPAN = pytest.StashKey[MovedJapan]()

expect.set_options(timeout=PATIENCE * 1000)
# No example is too slow on a machine that is busy with other tests.
hypothesis.settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis.settings.load_profile("patient")


# The sandbox imports the workflows anew for each start: from bytecode, whatever the environment says.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


@pytest.fixture(scope="session", autouse=True)
def _many_tests_beside_each_other() -> Iterator[None]:
    with (
        workers_among_many(),
        passwords_that_cost_little(),
        templates_compiled_once(),
        statements_compiled_once(),
        routes_read_once(),
        garbage_collected_rarely(),
    ):
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


@pytest.fixture(autouse=True)
def _own_store_mark(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test has a database of its own, and all that use it share one Temporal server."""
    if "temporal" in request.fixturenames:
        monkeypatch.setattr(store_marks, "WORKFLOW_ID", f"store-mark-{uuid4()}")


@pytest_asyncio.fixture(scope="session")
async def postgres_socket() -> AsyncIterator[Path]:
    """A Postgres server for all tests, with a migrated database to copy."""
    async with scratch_server(MIGRATED) as socket_dir:
        yield socket_dir


@pytest_asyncio.fixture
async def database_url(postgres_socket: Path) -> AsyncIterator[str]:
    """A database of this test alone, at the newest schema."""
    async with new_database(postgres_socket, MIGRATED) as url:
        yield url


@pytest_asyncio.fixture
async def empty_database_url(postgres_socket: Path) -> AsyncIterator[str]:
    """A database of this test alone, without any table."""
    async with new_database(postgres_socket, "template0") as url:
        yield url


@pytest_asyncio.fixture(scope="session")
async def _registry_template(postgres_socket: Path) -> AsyncIterator[str]:
    async with new_database(postgres_socket, MIGRATED) as url:
        engine = create_async_engine(url)
        await load(database.sessions(engine, MASTER, JOURNAL_OF_TESTS), examples.registry())
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
    yield database.sessions(engine, MASTER, JOURNAL_OF_TESTS)
    await engine.dispose()


@pytest_asyncio.fixture(scope="session")
async def temporal() -> AsyncIterator[WorkflowEnvironment]:
    """A Temporal server for all tests, where cases can be fast-forwarded."""
    async with shared_server() as server:
        yield server


@pytest.fixture(autouse=True)
def _tries_are_counted_from_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows of limits begin with a test's first try: one that ended meanwhile would let it try once more."""
    monkeypatch.setattr(rate_limits, "_window", windows_from_the_first_try())


@pytest.fixture(autouse=True)
def security_log_of_one_test() -> Iterator[None]:
    """Close what a command that a test runs in this process opened: the next test reads what it prints itself."""
    log = logging.getLogger(security_log.LOGGER)
    handlers, propagate = list(log.handlers), log.propagate
    yield
    log.handlers, log.propagate = handlers, propagate


@pytest.fixture
def commands_on_the_tests_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let commands that a test calls read and write histories as the server that all tests share has them."""
    monkeypatch.setattr("workers.temporal.opened_keys", opened_keys_of_tests)


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
async def environment(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment, smtp_inbox: SmtpInbox
) -> AsyncIterator[Environment]:
    """An environment of this test's own, with a worker that follows the procedures."""
    async with environment_with_worker(sessions, temporal, smtp_inbox) as environment:
        yield environment


@pytest_asyncio.fixture
async def web(sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment) -> AsyncIterator[Web]:
    """The pages and APIs, with a small registry behind them; what was applied for is ended afterwards."""
    await fill_registry(sessions)
    async with web_on(sessions, temporal.client) as web:
        yield web
        await end_cases(web, temporal.client)


@pytest_asyncio.fixture
async def customer(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment, smtp_inbox: SmtpInbox
) -> AsyncIterator[Customer]:
    """A customer who has just been notified, with the pages before them."""
    async with customer_after_notice(sessions, temporal, smtp_inbox) as customer:
        yield customer


@pytest_asyncio.fixture
async def myics(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment, smtp_inbox: SmtpInbox
) -> AsyncIterator[MyicsEnvironment]:
    """An environment of MYICS, with a worker that follows its registrations."""
    async with myics_with_worker(sessions, temporal, smtp_inbox) as environment:
        yield environment


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return how many processes share the tests: now and then one waits for its servers."""
    return (os.cpu_count() or 1) + 1


def pytest_addoption(parser: pytest.Parser) -> None:
    moved = parser.getgroup(
        "calendar", "tests on the Temporal server at other times; those that know Japan's are skipped"
    )
    moved.addoption(
        "--japan-time", metavar="±HH:MM", help="begin each when this is Japan's time, ahead of UTC (+) or behind"
    )
    moved.addoption("--closing-days-around-today", action="store_true", help="as at the year's end")
    cluster = parser.getgroup("cluster", "tests on a Temporal cluster that runs already (`make cluster-test`)")
    cluster.addoption("--temporal-cluster", metavar="HOST:PORT", help="instead of a dev server of the tests' own")
    cluster.addoption("--temporal-web-ui", metavar="URL", help="its Web UI")
    fuzzing = parser.getgroup("fuzzing", "what `make fuzz` tries")
    fuzzing.addoption("--fuzz-minutes", type=float, default=10, help="for how long")
    fuzzing.addoption("--fuzz-seed", type=int, help="what was tried before; else something else each time")


def pytest_runtest_setup(item: pytest.Item) -> None:
    if japan := item.config.stash.get(_JAPAN, None):
        japan.begin()


def pytest_configure(config: pytest.Config) -> None:
    """Whoever runs the tests may have set the program up for servers of their own: tests see none of that."""
    if config.getoption("numprocesses", default=None):  # without, they are on the screen in a moment
        config.pluginmanager.register(FailuresAtOnce(config))
    for name in [name for name in os.environ if name.upper().startswith(("TETSUZUKI_", "TEMPORAL_"))]:
        del os.environ[name]
    os.environ["TEMPORAL_CONFIG_FILE"] = os.devnull
    if address := config.getoption("temporal_cluster"):
        use_cluster(RunningCluster(address, config.getoption("temporal_web_ui")))
        turn_telemetry_on()
    if begins := config.getoption("japan_time"):
        config.stash[_JAPAN] = move(begins)
    if config.getoption("closing_days_around_today"):
        close_around_today()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Bound every test. Without a browser, its tests are skipped and say so; CI installs one."""
    if config.getoption("japan_time") or config.getoption("closing_days_around_today"):
        items[:] = [item for item in items if _lives_in_time(item)]
    for item in items:
        if item.get_closest_marker("long") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(LONGEST_OF_LONG))
        if isinstance(item, pytest.Function) and inspect.iscoroutinefunction(item.obj):
            own = item.get_closest_marker("timeout")
            item.obj = bounded(item.obj, own.args[0] if own else None)
    if CHROMIUM is None:
        for item in items:
            if item.get_closest_marker("browser"):
                item.add_marker(pytest.mark.skip(reason="no Chromium (apt install chromium-headless-shell)"))


def _lives_in_time(item: pytest.Item) -> bool:
    procedures = isinstance(item, pytest.Function) and "temporal" in item.fixturenames
    return procedures and not item.get_closest_marker("knows_japan")
