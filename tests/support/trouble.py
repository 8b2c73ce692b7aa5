"""Workers that come and go, and vendor's systems that fail or answer late: what undoing must survive (Y27)."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from email.message import EmailMessage
from uuid import uuid4

from temporalio.exceptions import ApplicationError

from activities.common.ledger import StepTransaction
from activities.common.outbox import MailTransport
from activities.yayoi.contract_ids import ContractIdPool
from activities.yayoi.registry.postgres import PostgresContracts, PostgresLinks, PostgresSharing, postgres_registry
from activities.yayoi.registry.postgres_smart_import import PostgresSmartImport
from activities.yayoi.registry.protocols import Registry
from models.yayoi.application_form import ApplicationForm
from models.yayoi.identifiers import ContractId, OfficeToken, YayoiId
from models.yayoi.messages import IssuedContract
from models.yayoi.service_links import LinkKind
from models.yayoi.store.intake import Intake
from tests.support.world import Case, World
from web.yayoi.starter import ApplicationStarter
from workers.wiring.root import build_transport, build_worker

SOON = timedelta(milliseconds=50)


@dataclass
class Trouble:
    """What one call of a vendor's system is in: it fails until it is healed, or answers only when it is let go."""

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
class Troubles:
    """Which calls are in trouble, by their names; the others work as ever."""

    by_call: dict[str, Trouble] = field(default_factory=dict)

    async def meet(self, call: str) -> None:
        if trouble := self.by_call.get(call):
            await trouble.meet()


class TroubledSmartImport(PostgresSmartImport):
    def __init__(self, troubles: Troubles) -> None:
        self._troubles = troubles

    async def thaw(self, work: StepTransaction, office: OfficeToken) -> None:
        await self._troubles.meet("thaw")
        await super().thaw(work, office)
        await self._troubles.meet("thaw, before the commit")


class TroubledSharing(PostgresSharing):
    def __init__(self, troubles: Troubles) -> None:
        self._troubles = troubles

    async def end(self, work: StepTransaction, office: OfficeToken, *, released_by_system: bool) -> Sequence[str]:
        await self._troubles.meet("end sharing")
        return await super().end(work, office, released_by_system=released_by_system)

    async def restore(self, work: StepTransaction, office: OfficeToken) -> Sequence[str]:
        await self._troubles.meet("restore sharing")
        restored = await super().restore(work, office)
        await self._troubles.meet("restore sharing, before the commit")
        return restored


class TroubledLinks(PostgresLinks):
    def __init__(self, troubles: Troubles) -> None:
        self._troubles = troubles

    async def restore(self, work: StepTransaction, office: OfficeToken) -> None:
        await self._troubles.meet("restore links")
        await super().restore(work, office)

    async def make(
        self, work: StepTransaction, office: OfficeToken, kind: LinkKind, service: str, first_covered_on: date
    ) -> None:
        await self._troubles.meet("make link")
        await super().make(work, office, kind, service, first_covered_on)


class TroubledContracts(PostgresContracts):
    def __init__(self, pool: ContractIdPool, troubles: Troubles) -> None:
        super().__init__(pool)
        self._troubles = troubles

    async def issue(
        self, work: StepTransaction, existing_contract_id: ContractId, yayoi_id: YayoiId, office: OfficeToken | None
    ) -> IssuedContract:
        await self._troubles.meet("issue")
        return await super().issue(work, existing_contract_id, yayoi_id, office)

    async def revoke(self, work: StepTransaction, office: OfficeToken | None) -> ContractId | None:
        await self._troubles.meet("revoke")
        revoked = await super().revoke(work, office)
        await self._troubles.meet("revoke, before the commit")
        return revoked


def troubled_registry(troubles: Troubles, pool: ContractIdPool) -> Registry:
    """The registry of the default, in trouble."""
    return replace(
        postgres_registry(pool),
        smart_import=TroubledSmartImport(troubles),
        sharing=TroubledSharing(troubles),
        links=TroubledLinks(troubles),
        contracts=TroubledContracts(pool, troubles),
    )


class TroubledTransport:
    """In front of the real SMTP server, which takes its time for mails of one subject."""

    def __init__(self, real: MailTransport, troubles: Troubles) -> None:
        self._real = real
        self._troubles = troubles

    async def send(self, mail: EmailMessage) -> None:
        await self._troubles.meet(str(mail["Subject"]))
        await self._real.send(mail)


def unattended(world: World) -> World:
    """The same world, on a task queue that no worker looks after yet."""
    return replace(world, settings=world.settings.model_copy(update={"temporal_task_queue": f"test-{uuid4()}"}))


async def submitted(world: World, application: ApplicationForm) -> Case:
    """An application that has been started, whether or not anybody works on it."""
    receipt = await Intake(world.sessions, world.calendar).receive(application)
    starter = ApplicationStarter(
        world.sessions,
        world.client,
        task_queue=world.settings.temporal_task_queue,
        public_url="http://web.test",
        secret_key="secret",
    )
    await starter.start(receipt.application_no)
    return Case(world, receipt.application_no, receipt.due_date)


@asynccontextmanager
async def attended(world: World, by_call: dict[str, Trouble] | None = None) -> AsyncIterator[None]:
    """A worker looks after the world; at the end it dies at once, whatever it has in hand."""
    troubles, settings = Troubles(by_call or {}), world.settings
    async with build_worker(
        world.client,
        settings,
        world.sessions,
        registry=troubled_registry(troubles, ContractIdPool(settings.contract_id_first, settings.contract_id_last)),
        transport=TroubledTransport(build_transport(settings), troubles),
        drain=timedelta(0),
        versioned=False,
    ):
        yield
