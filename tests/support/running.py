"""How tests are run: each within bounds, many beside each other, and failures printed as they happen."""

import asyncio
import functools
import gc
import inspect
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest
from argon2 import PasswordHasher
from fastapi.routing import APIRoute, _EffectiveRouteContext, _RouterIncludeContext
from jinja2 import BytecodeCache, Environment
from jinja2.bccache import Bucket
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.engine import Engine
from sqlalchemy.util import LRUCache
from temporalio.client import Interceptor, OutboundInterceptor, QueryWorkflowInput
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker._workflow import _WorkflowWorker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner
from temporalio.workflow import _Definition

from web.common.auth.rate_limits import Limit

PATIENCE = 120
"""Seconds to wait for what comes in a moment, on a machine that is busy with others."""
_LONGEST = 300  # seconds for one test
LONGEST_OF_LONG = 2400
"""Seconds for one of those that take long, on a machine that is busy with others."""
_BEFORE_THE_LOOP = 0.95
"""Of a test's own time: the rest is for what it has to end."""


def bounded(test: Callable[..., Awaitable[None]], longest: float | None) -> Callable[..., Awaitable[None]]:
    """Let a test that waits for what never comes fail where it waits, rather than where the loop is ended.

    `longest`: how many seconds it may take in all, where the test says so itself; 0: as long as it likes.
    """
    within_seconds = _LONGEST if longest is None else longest * _BEFORE_THE_LOOP or None

    @functools.wraps(test)
    async def within(*args: Any, **kwargs: Any) -> None:
        async with asyncio.timeout(within_seconds):
            await test(*args, **kwargs)

    return within


@contextmanager
def workers_among_many() -> Iterator[None]:
    """Outside tests, two seconds without an answer are a deadlock; on a machine that is busy with tests they are not.

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
def passwords_that_cost_little() -> Iterator[None]:
    """Hash passwords with real argon2 at its lowest cost: each of hundreds would take a tenth of a second."""
    quick = functools.partial(PasswordHasher, time_cost=1, memory_cost=8, parallelism=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("models.common.password_hashing.PasswordHasher", quick)
        yield


@contextmanager
def templates_compiled_once() -> Iterator[None]:
    """Compile each template once for all tests: every web and worker has an environment of its own."""
    compiled = _CompiledTemplates()
    usual = Environment.__init__

    def with_cache(self: Environment, *args: Any, **options: Any) -> None:
        usual(self, *args, **{"bytecode_cache": compiled} | options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Environment, "__init__", with_cache)
        yield


@contextmanager
def statements_compiled_once() -> Iterator[None]:
    """Compile each SQL statement once for all tests, as a process does with its one engine: each test has another."""
    compiled = LRUCache[Any, Any](5000)

    def same(one: object, other: object) -> bool:
        return type(one) is type(other)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Engine, "_compiled_cache", property(lambda _: compiled, lambda *_: None), raising=False)
        # What is compiled is kept by its dialect: those of all engines are alike.
        patch.setattr(PGDialect_asyncpg, "__eq__", same)
        patch.setattr(PGDialect_asyncpg, "__hash__", lambda dialect: hash(type(dialect)))
        yield


@contextmanager
def routes_read_once() -> Iterator[None]:
    """Read what each handler depends on once for all tests, as a process does with its one application.

    Routes that depend on something made for one application are read each time.
    """
    read, build = {}, _EffectiveRouteContext.from_api_route

    def once(*, original_route: APIRoute, include_context: _RouterIncludeContext) -> _EffectiveRouteContext:
        asked = tuple(each.dependency for each in include_context.dependencies)
        if not all(inspect.isfunction(each) for each in asked):
            return build(original_route=original_route, include_context=include_context)
        key = (id(original_route), include_context.prefix, include_context.max_body_size, asked)
        if key not in read:  # what is read holds the route: no other has its id
            read[key] = build(original_route=original_route, include_context=include_context)
        return read[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_EffectiveRouteContext, "from_api_route", once)
        yield


def windows_from_the_first_try() -> Callable[[Limit, datetime], tuple[datetime, datetime]]:
    """Return a stand-in for `rate_limits._window`: the first window begins with the first try, not with the clock.

    The clock's quarter of an hour may end between two tries of one test.
    """
    first: list[datetime] = []

    def window(limit: Limit, now: datetime) -> tuple[datetime, datetime]:
        first.append(now)
        length = limit.value.window
        begins_at = first[0] + (now - first[0]) // length * length
        return begins_at, begins_at + length

    return window


@contextmanager
def garbage_collected_rarely() -> Iterator[None]:
    """Leave what was imported out of garbage collection, and collect a twentieth as often as Python would."""
    usual = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(20 * usual[0], *usual[1:])
    yield
    gc.set_threshold(*usual)
    gc.unfreeze()


class _CompiledTemplates(BytecodeCache):
    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if code := self._kept.get(bucket.key):
            bucket.bytecode_from_string(code)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._kept[bucket.key] = bucket.bytecode_to_string()


class PatientQueries(Interceptor):
    """A query without an answer in time is sent again: on a machine that is busy with tests, one may be lost."""

    def intercept_client(self, following: OutboundInterceptor) -> OutboundInterceptor:
        return _SentAgain(following)


class _SentAgain(OutboundInterceptor):
    async def query_workflow(self, query: QueryWorkflowInput) -> Any:
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    return await super().query_workflow(query)
                except RPCError as error:
                    late = error.status in {RPCStatusCode.CANCELLED, RPCStatusCode.DEADLINE_EXCEEDED}
                    if query.rpc_timeout or not late:  # who sets a bound wants to know
                        raise


class FailuresAtOnce:
    """Writes what failed, and why, between the dots.

    Who watches a long run need not wait for its end, nor loses them if it is cut.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._plugins = config.pluginmanager

    @pytest.hookimpl(trylast=True)  # after the terminal's own letter
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        terminal: pytest.TerminalReporter | None = self._plugins.get_plugin("terminalreporter")
        if report.failed and terminal is not None:
            terminal.write_line(f"\n{report.when} of {report.nodeid} failed:")
            terminal.write_line(report.longreprtext)
