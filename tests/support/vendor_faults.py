"""Workers that come and go, and vendor's systems that fail or answer late: what undoing must survive (Y27)."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from email.message import EmailMessage
from uuid import uuid4

from temporalio.exceptions import ApplicationError

from activities.common.outbox import MailTransport
from activities.yayoi.contract_ids import ContractIdPool
from activities.yayoi.registry.postgres import PostgresContracts, PostgresLinks, PostgresSharing, postgres_registry
from activities.yayoi.registry.protocols import Registry
from models.common.store.ledger import StepTransaction
from models.yayoi.application_form import ApplicationForm
from models.yayoi.identifiers import ContractId, OfficeToken, YayoiId
from models.yayoi.messages import IssuedContract
from models.yayoi.service_links import LinkKind
from models.yayoi.store.intake import Intake
from models.yayoi.store.smart_import import PostgresSmartImport
from tests.support.environment import Case, Environment
from web.yayoi.starter import ApplicationStarter
from workers.wiring.root import build_transport, build_worker

SOON = timedelta(milliseconds=50)


@dataclass
class Fault:
    """What one call of a vendor's system is in: it fails until repaired, or answers only when the test lets it."""

    fails: bool = False
    late: bool = False
    tries: int = 0
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    go: asyncio.Event = field(default_factory=asyncio.Event)
    _another_try: asyncio.Condition = field(default_factory=asyncio.Condition)

    def begin(self, *, fails: bool = False, late: bool = False) -> None:
        """From now on; what was called before does not count."""
        self.fails, self.late, self.tries = fails, late, 0
        self.reached.clear()

    async def meet(self) -> None:
        """Raise, wait, or neither."""
        async with self._another_try:
            self.tries += 1
            self._another_try.notify_all()
        self.reached.set()
        if self.fails:
            raise ApplicationError("the vendor's system does not answer", next_retry_delay=SOON)
        if self.late:
            await self.go.wait()

    async def tried(self, times: int) -> None:
        """Wait until the call has been tried so often."""
        async with self._another_try:
            await self._another_try.wait_for(lambda: self.tries >= times)


@dataclass
class Faults:
    """Which calls are in fault, by their names; the others work as ever."""

    by_call: dict[str, Fault] = field(default_factory=dict)

    async def meet(self, call: str) -> None:
        if fault := self.by_call.get(call):
            await fault.meet()


class FaultySmartImport(PostgresSmartImport):
    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    async def thaw(self, transaction: StepTransaction, office: OfficeToken) -> None:
        await self._faults.meet("thaw")
        await super().thaw(transaction, office)
        await self._faults.meet("thaw, before the commit")


class FaultySharing(PostgresSharing):
    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    async def end(
        self, transaction: StepTransaction, office: OfficeToken, *, released_by_system: bool
    ) -> Sequence[str]:
        await self._faults.meet("end sharing")
        return await super().end(transaction, office, released_by_system=released_by_system)

    async def restore(self, transaction: StepTransaction, office: OfficeToken) -> Sequence[str]:
        await self._faults.meet("restore sharing")
        restored = await super().restore(transaction, office)
        await self._faults.meet("restore sharing, before the commit")
        return restored


class FaultyLinks(PostgresLinks):
    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    async def restore(self, transaction: StepTransaction, office: OfficeToken) -> None:
        await self._faults.meet("restore links")
        await super().restore(transaction, office)

    async def make(
        self, transaction: StepTransaction, office: OfficeToken, kind: LinkKind, service: str, first_covered_on: date
    ) -> None:
        await self._faults.meet("make link")
        await super().make(transaction, office, kind, service, first_covered_on)


class FaultyContracts(PostgresContracts):
    def __init__(self, pool: ContractIdPool, faults: Faults) -> None:
        super().__init__(pool)
        self._faults = faults

    async def issue(
        self,
        transaction: StepTransaction,
        existing_contract_id: ContractId,
        yayoi_id: YayoiId,
        office: OfficeToken | None,
    ) -> IssuedContract:
        await self._faults.meet("issue")
        return await super().issue(transaction, existing_contract_id, yayoi_id, office)

    async def revoke(self, transaction: StepTransaction, office: OfficeToken | None) -> ContractId | None:
        await self._faults.meet("revoke")
        revoked = await super().revoke(transaction, office)
        await self._faults.meet("revoke, before the commit")
        return revoked


def faulty_registry(faults: Faults, pool: ContractIdPool) -> Registry:
    """The registry of the default, in fault."""
    return replace(
        postgres_registry(pool),
        smart_import=FaultySmartImport(faults),
        sharing=FaultySharing(faults),
        links=FaultyLinks(faults),
        contracts=FaultyContracts(pool, faults),
    )


class FaultyTransport:
    """In front of the real SMTP server, which takes its time for mails of one subject."""

    def __init__(self, real: MailTransport, faults: Faults) -> None:
        self._real = real
        self._faults = faults

    async def send(self, mail: EmailMessage) -> None:
        await self._faults.meet(str(mail["Subject"]))
        await self._real.send(mail)


def unattended(environment: Environment) -> Environment:
    """The same environment, on a task queue that no worker looks after yet."""
    return replace(
        environment, settings=environment.settings.model_copy(update={"temporal_task_queue": f"test-{uuid4()}"})
    )


async def submitted(environment: Environment, application: ApplicationForm) -> Case:
    """An application that has been started, whether or not anybody works on it."""
    receipt = await Intake(environment.sessions, environment.calendar).receive(application)
    starter = ApplicationStarter(
        environment.sessions,
        environment.client,
        task_queue=environment.settings.temporal_task_queue,
    )
    await starter.start(receipt.application_no)
    return Case(environment, receipt.application_no, receipt.due_date)


@asynccontextmanager
async def attended(environment: Environment, by_call: dict[str, Fault] | None = None) -> AsyncIterator[None]:
    """A worker looks after the environment; at the end it dies at once, whatever it has in hand."""
    faults, settings = Faults(by_call or {}), environment.settings
    async with build_worker(
        environment.client,
        settings,
        environment.sessions,
        registry=faulty_registry(faults, ContractIdPool(settings.contract_id_first, settings.contract_id_last)),
        transport=FaultyTransport(build_transport(settings), faults),
        drain=timedelta(0),
        versioned=False,
    ):
        yield
