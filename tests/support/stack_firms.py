"""Firms of a stack that join MYICS, each with what its representative and an operator do, as a test says."""

import asyncio
from uuid import uuid4

from sqlalchemy import select

from models.common.calendar import utc_now
from models.common.identifiers import MailAddress
from models.common.password_hashing import Hashing
from models.common.store.sessions import DatabaseSessions
from models.myics.batches import BatchKind
from models.myics.forms import ClientForm, FirmForm
from models.myics.identifiers import BatchNo, ClientSuffix, CustomerNo, HolderNo, RegistrationNo
from models.myics.identifiers import registration_workflow_id as workflow_id_of
from models.myics.personal_links import link_of
from models.myics.registrations import RegistrationKind
from models.myics.store.address_changes import AddressChanges
from models.myics.store.batches import Batches
from models.myics.store.clients import Clients
from models.myics.store.registrants import Registrants, read_account
from models.myics.store.renewals import RenewalForm, Renewals
from models.myics.store.requests import Requester, invite_firm
from models.myics.store.sign_in import Member, SignIn
from models.tables import MyicsRegistrationRow
from tests.support.myics_environment import KEYWORD, PASSWORD, user
from tests.support.signing import SATO
from web.common.operation_sender import Done
from workers import database, temporal
from workers.commands.myics import change_address
from workers.settings import Settings
from workers.wiring.derived import secret_keys
from workers.wiring.operations import operations_by_operators

_FIRST = 1_000_300_000
_NEW_PASSWORD = "Aoba2027"


def _woken() -> None:
    """Nobody is: the web's own reconciler looks for what was stored."""


class Firm:
    """One of them, by number; `workflow_id` is of the registration that is the test's subject."""

    def __init__(self, number: int) -> None:
        self.customer_no = CustomerNo(str(_FIRST + number))
        self.address = MailAddress(f"owner-{number}@firms.example.jp")
        self.number: RegistrationNo | BatchNo | None = None

    @property
    def workflow_id(self) -> str:
        return workflow_id_of(self.number) if self.number else ""

    @property
    def case_no(self) -> str:
        return str(self.number)

    async def invite(self, settings: Settings) -> None:
        form = FirmForm(
            customer_no=self.customer_no, name="多数会計事務所", representative="多数 一郎", address=self.address
        )
        async with database.opened(settings) as sessions, sessions.begin() as session:
            self.number = await invite_firm(session, form, Requester(str(SATO), utc_now()))

    async def choose_account(self, settings: Settings) -> None:
        async with database.opened(settings) as sessions:
            registrants = Registrants(sessions, Hashing(), secret_keys(settings), _woken)
            token = await self._link(settings, sessions, 1)
            await registrants.accept_terms(token, authority=True, terms=True)
            await registrants.choose_account(token, read_account(self.address, KEYWORD))

    async def register(self, settings: Settings) -> None:
        async with database.opened(settings) as sessions:
            registrants = Registrants(sessions, Hashing(), secret_keys(settings), _woken)
            await registrants.confirm(await self._link(settings, sessions, 2), KEYWORD, PASSWORD)

    async def ask_for_password(self, settings: Settings) -> None:
        """The registration that the test is about is the first of this kind."""
        async with database.opened(settings) as sessions:
            await Renewals(sessions, Hashing(), secret_keys(settings), _woken).request_link(
                RenewalForm(customer_no=HolderNo(self.customer_no), address=self.address)
            )
            self.number = await self._first(sessions, RegistrationKind.RENEWAL)

    async def renew_password(self, settings: Settings) -> None:
        async with database.opened(settings) as sessions:
            renewals = Renewals(sessions, Hashing(), secret_keys(settings), _woken)
            await renewals.set_password(await self._link(settings, sessions, 1), _NEW_PASSWORD)

    async def ask_for_address(self, settings: Settings) -> None:
        await change_address(
            settings, self.customer_no, self.address, f"new-{self.address}", by=str(SATO), reason="お電話"
        )
        async with database.opened(settings) as sessions:
            self.number = await self._first(sessions, RegistrationKind.ADDRESS)

    async def confirm_address(self, settings: Settings) -> None:
        async with database.opened(settings) as sessions:
            accounts = SignIn(sessions, Hashing())
            changes = AddressChanges(sessions, accounts, secret_keys(settings), _woken)
            await changes.confirm(await self._link(settings, sessions, 1), PASSWORD)

    async def add_client(self, settings: Settings) -> None:
        users = (user(f"client-{self.address}"),)
        form = ClientForm(suffix=ClientSuffix("0012"), name="みなと商店", users=users)
        async with database.opened(settings) as sessions:
            self.number = await Clients(sessions, _woken).add(await self._member(sessions), form)

    async def send_stopped_file(self, settings: Settings) -> None:
        """Send a file, and stop it before its procedure has begun."""
        heads = ",".join(BatchKind.CLIENTS.columns)
        example = ",".join(BatchKind.CLIENTS.examples[0])
        async with database.opened(settings) as sessions:
            batches, member = Batches(sessions, _woken), await self._member(sessions)
            number = await batches.take(member, BatchKind.CLIENTS, f"{heads}\n{example}\n".encode(), uuid4())
            await batches.stop(member, number, stopped=True)
        self.number = number

    async def resume_file(self, settings: Settings) -> None:
        async with database.opened(settings) as sessions:
            number = BatchNo(self.case_no)
            await Batches(sessions, _woken).stop(await self._member(sessions), number, stopped=False)

    async def act(self, settings: Settings, operation: str) -> None:
        """Have an operator do something with the registration."""
        async with temporal.opened(settings) as client, database.opened(settings) as sessions:
            operations = operations_by_operators(settings, client, sessions)
            outcome = await operations.send(self.workflow_id, operation, {"reason": "お電話"}, SATO, str(uuid4()))
        assert isinstance(outcome, Done), outcome

    async def _member(self, sessions: DatabaseSessions) -> Member:
        return await SignIn(sessions, Hashing()).sign_in(HolderNo(self.customer_no), self.address, PASSWORD)

    async def _first(self, sessions: DatabaseSessions, kind: RegistrationKind) -> RegistrationNo:
        row = MyicsRegistrationRow
        numbers = select(row.registration_no).where(row.kind == kind, row.customer_no == self.customer_no)
        async with sessions() as session:
            return RegistrationNo((await session.scalars(numbers.order_by(row.registration_no))).first() or "")

    async def _link(self, settings: Settings, sessions: DatabaseSessions, number: int) -> str:
        """Wait until the procedure has made the n-th link; return its token, as it is mailed."""
        while True:
            async with sessions() as session:
                row = await session.get_one(MyicsRegistrationRow, self.case_no)
            if row.link_no >= number:
                link = link_of(RegistrationKind(row.kind), row.registration_no, number, row.expires_on)
                return link.token(secret_keys(settings))
            await asyncio.sleep(0.2)
