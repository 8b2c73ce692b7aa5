"""Each part is stopped until Prometheus names the alerts that it must raise, and let go until they end.

The rules are those that are delivered, without their waiting times and with short windows. A table says which alerts
each fault must raise and which it may; any other fails the test, and so does an alert that no fault raises.
"""

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import httpx
import psutil
import pytest
import pytest_asyncio
import yaml

from tests.support.environment import OFFICE_B, OFFICE_C
from tests.support.prometheus import MONITORING, Prometheus, needs_prometheus, prometheus
from tests.support.stack_cases import Outside, load_examples
from workers.stack.checks import free_port, metrics_ports
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
    mails: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def take_mails(self) -> None:
        self.mails = AsyncExitStack()
        await self.mails.enter_async_context(await listen("127.0.0.1", self.mail_port, lambda _: None))

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


def _frozen(process: str) -> Hurt:
    @asynccontextmanager
    async def hurt(hurt_stack: HurtStack) -> AsyncIterator[None]:
        first = psutil.Process(hurt_stack.stack.processes[process])
        group = [first, *first.children(recursive=True)]
        for each in group:
            os.kill(each.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for each in reversed(group):
                os.kill(each.pid, signal.SIGCONT)

    return hurt


@asynccontextmanager
async def _temporal_frozen(hurt_stack: HurtStack) -> AsyncIterator[None]:
    """While somebody applies."""
    async with _frozen("temporal")(hurt_stack):
        await hurt_stack.outside.apply(OFFICE_B)
        yield


@asynccontextmanager
async def _no_mail_server(hurt_stack: HurtStack) -> AsyncIterator[None]:
    """Its port is refused, while somebody applies."""
    await hurt_stack.mails.aclose()
    try:
        await hurt_stack.outside.apply(OFFICE_C)
        yield
    finally:
        await hurt_stack.take_mails()


FAULTS = {
    "the worker hangs": Fault(_frozen("worker"), frozenset({"ProcessAway"})),
    "the eraser hangs": Fault(_frozen("eraser"), frozenset({"ProcessAway"})),
    "the web hangs": Fault(_frozen("web"), frozenset({"ProcessAway"}), frozenset({"AnswersFail"})),
    "the desk hangs": Fault(_frozen("desk"), frozenset({"ProcessAway"})),
    "the figures hang": Fault(_frozen("figures"), frozenset({"ProcessAway"})),
    "Temporal hangs": Fault(
        _temporal_frozen, frozenset({"TemporalAway", "FormsNotStarted", "AnswersFail"}), frozenset({"MailsNotTaken"})
    ),
    "the mail server refuses connections": Fault(_no_mail_server, frozenset({"MailsNotTaken", "StepsFail"})),
    "the database hangs": Fault(
        _frozen("postgres"), frozenset({"DatabaseAway", "AnswersFail"}), frozenset({"StepsFail", "FormsNotStarted"})
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


@pytest_asyncio.fixture(scope="module")
async def hurt_stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[HurtStack]:
    port = free_port()
    with TemporaryDirectory(prefix="tetsuzuki-") as folder:
        settings = alone(Path(folder), telemetry=True, smtp_host="127.0.0.1", smtp_port=port)
        async with (
            Stack(settings, say=lambda _: None) as stack,
            prometheus(tmp_path_factory.mktemp("prometheus"), metrics_ports(settings), at_once()) as asked,
        ):
            await load_examples(stack.settings)
            hurt_stack = HurtStack(stack, asked, Outside(stack.settings), port)
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
    async with asyncio.timeout(_FAULT_WITHIN):
        while await asked.firing():  # noqa: ASYNC110 another process is asked
            await asyncio.sleep(0.5)
