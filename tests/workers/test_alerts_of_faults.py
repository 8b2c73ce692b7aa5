"""Each part is stopped until Prometheus names the alerts that it must raise, and let go until they end.

The rules are those that are delivered, without their waiting times and with short windows. A table says which alerts
each fault must raise and which it may; any other fails the test, and so does an alert that no fault raises.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    ExitStack,
    asynccontextmanager,
    contextmanager,
    suppress,
)
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import httpx
import pytest
import pytest_asyncio
import yaml

from bench.registry import load_customers
from tests.support.hurt_parts import frozen, without_worker
from tests.support.many_cases import apply_as
from tests.support.prometheus import MONITORING, Prometheus, needs_prometheus, prometheus
from tests.support.small_disk import filled, small_disk
from tests.support.stack_cases import Outside
from workers import database
from workers.stack.checks import TEMPORAL, free_port
from workers.stack.inbox import listen
from workers.stack.stack_settings import alone
from workers.stack.supervisor import Stack

pytestmark = [pytest.mark.stack, pytest.mark.long, needs_prometheus]
_FAULT_WITHIN = 200
"""Seconds until every alert that a fault must raise is there, and until all have ended."""


@dataclass
class HurtStack:
    """A stack that is hurt, and who watches it."""

    stack: Stack
    asked: Prometheus
    outside: Outside
    mail_port: int
    disk: Path | None
    """The small disk that holds it, where one can be mounted."""
    mails: AsyncExitStack = field(default_factory=AsyncExitStack)
    _customers: Iterator[int] = field(default_factory=count)

    async def take_mails(self) -> None:
        self.mails = AsyncExitStack()
        await self.mails.enter_async_context(await listen("127.0.0.1", self.mail_port, lambda _: None))

    async def applied(self) -> None:
        """Let a customer apply who has not yet, until they are heard."""
        await apply_as(self.outside, next(self._customers))

    async def knock(self) -> None:
        """Ask the web whether it is ready, again and again."""
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.stack.settings.web_port}", timeout=20) as http:
            while True:
                with suppress(httpx.TransportError):
                    await http.get("/readyz")
                await asyncio.sleep(0.5)


Hurt = Callable[[HurtStack], AbstractAsyncContextManager[None]]


class Fault(NamedTuple):
    """What goes wrong, which alerts must say so, and which may."""

    hurt: Hurt
    must: frozenset[str]
    may: frozenset[str] = frozenset()


def _frozen(part: str) -> Hurt:
    @asynccontextmanager
    async def hurt(hurt_stack: HurtStack) -> AsyncIterator[None]:
        with frozen(hurt_stack.stack, part):
            yield

    return hurt


@asynccontextmanager
async def _temporal_frozen(hurt_stack: HurtStack) -> AsyncIterator[None]:
    """While somebody applies."""
    with frozen(hurt_stack.stack, TEMPORAL):
        await hurt_stack.applied()
        yield


@asynccontextmanager
async def _no_worker(hurt_stack: HurtStack) -> AsyncIterator[None]:
    """Each ends as it starts, while somebody applies."""
    async with without_worker(hurt_stack.stack):
        await hurt_stack.applied()
        yield


@asynccontextmanager
async def _no_mail_server(hurt_stack: HurtStack) -> AsyncIterator[None]:
    """Its port is refused, while somebody applies."""
    await hurt_stack.mails.aclose()
    try:
        await hurt_stack.applied()
        yield
    finally:
        await hurt_stack.take_mails()


@asynccontextmanager
async def _full_disk(hurt_stack: HurtStack) -> AsyncIterator[None]:
    """Not a byte is left for either store, while somebody tries to apply until they are heard."""
    if hurt_stack.disk is None:
        pytest.skip("no small disk can be mounted here (root is needed)")
    with filled(hurt_stack.disk):
        applying = asyncio.create_task(hurt_stack.applied())
        yield
    await applying


FAULTS = {
    "the worker hangs": Fault(_frozen("worker"), frozenset({"ProcessAway"}), frozenset({"TasksWait"})),
    "every worker ends as it starts": Fault(_no_worker, frozenset({"ProcessAway", "TasksWait"})),
    "the eraser hangs": Fault(_frozen("eraser"), frozenset({"ProcessAway"}), frozenset({"TasksWait"})),
    "the web hangs": Fault(_frozen("web"), frozenset({"ProcessAway"}), frozenset({"AnswersFail"})),
    "the desk hangs": Fault(_frozen("desk"), frozenset({"ProcessAway"})),
    "the figures hang": Fault(_frozen("figures"), frozenset({"ProcessAway"})),
    "Temporal hangs": Fault(
        _temporal_frozen,
        frozenset({"ProcessAway", "TemporalAway", "FormsNotStarted", "AnswersFail"}),
        frozenset({"MailsNotTaken", "TasksWait"}),
    ),
    "the mail server refuses connections": Fault(_no_mail_server, frozenset({"MailsNotTaken", "StepsFail"})),
    "the database hangs": Fault(
        _frozen("postgres"),
        frozenset({"DatabaseAway", "AnswersFail"}),
        frozenset({"StepsFail", "FormsNotStarted", "TasksWait"}),
    ),
    "the disk is full": Fault(
        _full_disk,
        frozenset({"AnswersFail"}),
        frozenset({"DatabaseAway", "TemporalAway", "StepsFail", "FormsNotStarted", "TasksWait"}),
    ),
}


def at_once() -> dict[str, Any]:
    """Return the rules that are delivered, without waiting."""
    text = (MONITORING / "rules" / "tetsuzuki.yml").read_text(encoding="utf-8")
    text = re.sub(r"\bfor: \w+", "for: 0s", text).replace("[5m]", "[15s]")
    return dict(yaml.safe_load(text))


def test_every_alert_is_raised_by_some_fault() -> None:
    alerts = {rule["alert"] for group in at_once()["groups"] for rule in group["rules"] if "alert" in rule}
    assert alerts == frozenset[str]().union(*(fault.must for fault in FAULTS.values()))


@contextmanager
def place() -> Iterator[tuple[Path, Path | None]]:
    """Give a folder, on a small disk where one can be mounted, and that disk."""
    with ExitStack() as exits:
        try:
            disk = exits.enter_context(small_disk(700))
        except pytest.skip.Exception:
            yield Path(exits.enter_context(TemporaryDirectory(prefix="tetsuzuki-"))), None
        else:
            yield disk / "state", disk


@pytest_asyncio.fixture(scope="module")
async def hurt_stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[HurtStack]:
    port, elsewhere = free_port(), tmp_path_factory.mktemp("prometheus")
    with place() as (folder, disk):
        settings = alone(folder, telemetry=True, smtp_host="127.0.0.1", smtp_port=port)
        async with (
            Stack(settings, say=lambda _: None) as stack,
            prometheus(elsewhere, stack.metrics_ports, at_once()) as asked,
        ):
            async with database.opened(stack.settings) as sessions:
                await load_customers(sessions, elsewhere, len(FAULTS))
            hurt_stack = HurtStack(stack, asked, Outside(stack.settings), port, disk)
            await hurt_stack.take_mails()
            knocking = asyncio.create_task(hurt_stack.knock())
            try:
                yield hurt_stack
            finally:
                knocking.cancel()
                await hurt_stack.mails.aclose()


@pytest.mark.parametrize("fault", list(FAULTS.values()), ids=list(FAULTS))
async def test_a_fault_raises_the_alerts_that_say_so_and_no_others(hurt_stack: HurtStack, fault: Fault) -> None:
    await quiet(hurt_stack.asked)
    raised = set[str]()
    async with fault.hurt(hurt_stack), asyncio.timeout(_FAULT_WITHIN):
        while not fault.must <= raised:
            raised |= await hurt_stack.asked.firing()
            assert raised <= fault.must | fault.may
            await asyncio.sleep(0.5)
    await quiet(hurt_stack.asked)


async def quiet(asked: Prometheus) -> None:
    """Wait until no alert is left."""
    ends = time.monotonic() + _FAULT_WITHIN
    while firing := await asked.firing():
        assert time.monotonic() < ends, f"still raised: {firing}"
        await asyncio.sleep(0.5)
