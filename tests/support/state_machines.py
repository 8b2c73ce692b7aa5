"""Where hypothesis' state machines run: they are not asynchronous, and walk in a thread beside the loop."""

import asyncio
import threading
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test
from sqlalchemy.ext.asyncio import create_async_engine
from temporalio.testing import WorkflowEnvironment

from tests.support.databases import MIGRATED, new_database
from tests.support.encryption import MASTER
from tests.support.environment import Environment, environment_with_worker
from tests.support.journals import JOURNAL_OF_TESTS
from tests.support.smtp_inbox import SmtpInbox
from workers import database

ResultT = TypeVar("ResultT")
BOUNDED = settings(
    max_examples=4,
    stateful_step_count=12,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@dataclass(frozen=True)
class Place:
    """What a walk has at hand; each has a database and a worker of its own."""

    loop: asyncio.AbstractEventLoop
    postgres: Path
    temporal: WorkflowEnvironment
    inbox: SmtpInbox

    over: threading.Event = field(default_factory=threading.Event)
    """Set once the test has ended, whatever its walks were about to do."""

    async def walk(self, machine: type[RuleBasedStateMachine], within: settings) -> None:
        """Walk; a test that is given up does not leave a walk behind that goes on beside the next one."""
        try:
            await asyncio.to_thread(run_state_machine_as_test, machine, settings=within)
        finally:
            self.over.set()

    def wait(self, doing: Coroutine[Any, Any, ResultT], *, cleaning_up: bool = False) -> ResultT:
        if self.over.is_set() and not cleaning_up:
            doing.close()
            raise TimeoutError("the test has ended")
        return asyncio.run_coroutine_threadsafe(doing, self.loop).result()

    @asynccontextmanager
    async def environment(self) -> AsyncIterator[Environment]:
        async with new_database(self.postgres, MIGRATED) as url:
            engine = create_async_engine(url)
            try:
                async with environment_with_worker(
                    database.sessions(engine, MASTER, JOURNAL_OF_TESTS), self.temporal, self.inbox
                ) as environment:
                    yield environment
            finally:
                await engine.dispose()
