"""A firm, its people and its operator, on the environment of the other procedures; mails are read for their links."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage
from typing import Any
from uuid import uuid4

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import WorkflowRunner

from models.common.calendar import opening_of
from models.common.identifiers import MailAddress
from models.common.password_hashing import Hashing
from models.common.personal_links import read_link
from models.common.waiting_for import WaitingFor
from models.myics.accounts import AccountKind
from models.myics.batches import BatchKind
from models.myics.forms import CorrectionForm, FirmForm, UserForm
from models.myics.identifiers import BatchNo, CustomerNo, HolderNo, RegistrationNo, registration_workflow_id
from models.myics.personal_links import MyicsLinkKind
from models.myics.registrations import RegistrationEnded, RegistrationKind, RegistrationProgress, RegistrationStage
from models.myics.store.address_changes import AddressChanges
from models.myics.store.batches import Batches
from models.myics.store.clients import Clients
from models.myics.store.registrants import Registrants, read_account
from models.myics.store.renewals import RenewalForm, Renewals
from models.myics.store.requests import Requester, invite_firm
from models.myics.store.sign_in import Member, SignIn, read_account_name
from models.myics.store.users import Users
from models.tables import (
    AuditRow,
    MyicsAccountRow,
    MyicsBatchRow,
    MyicsRegistrationRow,
    NoticeRow,
    OperatorRow,
    batch_count,
    registration_count,
)
from tests.support.environment import Environment, environment_with_worker
from tests.support.running import PATIENCE
from tests.support.sandbox import RESTRICTED
from tests.support.secret_key import SECRET_KEYS
from tests.support.settling import settled
from tests.support.signing import SATO as OPERATOR
from tests.support.signing import customers_signer, operations_by
from tests.support.smtp_inbox import SmtpInbox
from web.common.workflow_notifier import WorkflowNotifier
from web.myics.notifications import batch_notification, registration_notification
from web.myics.procedure_calls import InvitationUpdates
from workers.stack.inbox import text_of
from workers.wiring.root import WORKFLOWS

FIRM = CustomerNo("1000200301")
OWNER = MailAddress("ichiro@aoba-kaikei.example.jp")
KEYWORD, PASSWORD = "青葉の合言葉", "Aoba2026"
SATO = "sk"
_LINK = re.compile(r"http://web\.test/myics/(?:register|password/new|address)\?link=(\S+)")


def user(address: str, kind: AccountKind = AccountKind.GENERAL, name: str = "青葉 次郎") -> UserForm:
    return UserForm(address=MailAddress(address), name=name, kind=kind)


def not_woken() -> None:
    """Tests notify procedures themselves."""


@dataclass
class MyicsEnvironment:
    """The services as the web has them, and time at hand."""

    environment: Environment
    ahead: timedelta = timedelta()
    """How far the web's clock is ahead."""
    hashing: Hashing = field(default_factory=Hashing)

    def __post_init__(self) -> None:
        sessions, now = self.environment.sessions, self.now
        self.registrants = Registrants(sessions, self.hashing, SECRET_KEYS, not_woken, now)
        self.renewals = Renewals(sessions, self.hashing, SECRET_KEYS, not_woken, now)
        self.sign_in = SignIn(sessions, self.hashing)
        self.address_changes = AddressChanges(sessions, self.sign_in, SECRET_KEYS, not_woken, now)
        self.users = Users(sessions, not_woken, now)
        self.invitations = InvitationUpdates(
            self.users, operations_by(self.environment.client, sessions, customers_signer)
        )
        self.clients = Clients(sessions, not_woken, now)
        self.batches = Batches(sessions, not_woken, now)
        queue = self.environment.settings.temporal_task_queue
        client = self.environment.client
        self._notifiers: Sequence[WorkflowNotifier[Any]] = (
            WorkflowNotifier(sessions, client, MyicsRegistrationRow, registration_notification, task_queue=queue),
            WorkflowNotifier(sessions, client, MyicsBatchRow, batch_notification, task_queue=queue),
        )

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    async def notify(self) -> None:
        """Do what the web does by itself after each change."""
        for notifier in self._notifiers:
            await notifier.notify_all()

    # --- the firm -----------------------------------------------------------------------------------------------------

    async def invite(self, firm: CustomerNo = FIRM, address: MailAddress = OWNER) -> "Registered":
        form = FirmForm(customer_no=firm, name="青葉会計事務所", representative="青葉 一郎", address=address)
        async with self.environment.sessions.begin() as session:
            number = await invite_firm(session, form, Requester(str(OPERATOR), self.now()))
        await self.notify()
        return Registered(self, number)

    async def firm(self, firm: CustomerNo = FIRM, address: MailAddress = OWNER) -> Member:
        """Return the representative of a firm, registered and logged in."""
        registration = await self.invite(firm, address)
        await self.register_representative(registration, address)
        return await self.signed_in(firm, address)

    async def signed_in(self, holder_no: str, address: str, password: str = PASSWORD) -> Member:
        """Log in with what was typed. Raises `SignInRefusedError`."""
        return await self.sign_in.sign_in(*read_account_name(holder_no, address), password)

    async def register_representative(self, registration: "Registered", address: MailAddress = OWNER) -> None:
        await self.choose_account(registration, address)
        await self.registrants.confirm(await registration.link(2), KEYWORD, PASSWORD)
        await self.notify()

    async def choose_account(self, registration: "Registered", address: MailAddress = OWNER) -> None:
        """Come as far as the representative who has to confirm the address (M2)."""
        token = await registration.link()
        await self.registrants.accept_terms(token, authority=True, terms=True)
        await self.registrants.choose_account(token, read_account(address, KEYWORD))
        await self.notify()

    async def add(self, manager: Member, form: UserForm, holder: HolderNo | None = None) -> "Registered":
        number = await self.users.add(manager, holder or manager.holder_no, form)
        await self.notify()
        return Registered(self, number)

    async def register_user(self, registration: "Registered", password: str = PASSWORD) -> None:
        token = await registration.link()
        await self.registrants.set_password(token, password)
        await self.registrants.accept_terms(token, authority=True, terms=True)
        await self.notify()

    async def correct_address(self, manager: Member, address: str, right: str) -> None:
        """Let an administrator correct the address of one of the firm's own users."""
        account = await self.account(address)
        await self.users.correct_address(manager, account.account_id, CorrectionForm(address=MailAddress(right)))
        await self.notify()

    async def forget_password(self, address: str, holder: str = FIRM) -> None:
        await self.renewals.request_link(RenewalForm(customer_no=HolderNo(holder), address=MailAddress(address)))
        await self.notify()

    async def requested(self, kind: RegistrationKind) -> "list[Registered]":
        """Return what of this kind was stored, in its order."""
        row = MyicsRegistrationRow
        found = await self.rows(select(row).where(row.kind == kind).order_by(row.registration_no))
        return [Registered(self, RegistrationNo(each.registration_no)) for each in found]

    async def all_settled(self) -> None:
        """Wait until nothing is under way in any registration: each has a procedure of its own."""
        for kind in RegistrationKind:
            for each in await self.requested(kind):
                await each.settled()

    async def send_file(self, manager: Member | None, kind: BatchKind, text: str | bytes) -> BatchNo:
        content = text if isinstance(text, bytes) else text.encode()
        number = await self.batches.take(manager or OPERATOR, kind, content, uuid4())
        await self.notify()
        return number

    async def rows(self, statement: Any) -> list[Any]:
        return await self.environment.rows(statement)

    async def operators(self) -> dict[str, str]:
        """Return the operators' mail addresses by their handles."""
        return {each.handle: each.mail_address for each in await self.rows(select(OperatorRow))}

    async def account(self, address: str, holder: str = FIRM) -> MyicsAccountRow:
        [found] = await self.rows(
            select(MyicsAccountRow)
            .where(MyicsAccountRow.address == address, MyicsAccountRow.holder_no == holder)
            .order_by(MyicsAccountRow.account_id.desc())
            .limit(1)
        )
        assert isinstance(found, MyicsAccountRow)
        return found


@dataclass
class Registered:
    """One registration."""

    myics: MyicsEnvironment
    number: RegistrationNo

    @property
    def handle(self) -> WorkflowHandle[Any, RegistrationEnded]:
        return self.myics.environment.client.get_workflow_handle(
            registration_workflow_id(self.number), result_type=RegistrationEnded
        )

    async def progress(self) -> RegistrationProgress:
        progress = await self.handle.query("progress", result_type=RegistrationProgress)
        assert isinstance(progress, RegistrationProgress)
        return progress

    async def row(self) -> MyicsRegistrationRow:
        [row] = await self.myics.rows(
            select(MyicsRegistrationRow).where(MyicsRegistrationRow.registration_no == self.number)
        )
        assert isinstance(row, MyicsRegistrationRow)
        return row

    async def link(self, number: int = 1) -> str:
        """Wait for the mail with the n-th link and return its token, as its reader clicks on it."""
        async with asyncio.timeout(PATIENCE):
            while True:
                row = await self.row()
                if row.link_no >= number:
                    for mail in reversed(self.mails(row.address)):
                        if (found := _LINK.search(text_of(mail))) and await self._is_number(found[1], number):
                            return found[1]
                await asyncio.sleep(0.05)

    async def _is_number(self, token: str, number: int) -> bool:
        kinds = (MyicsLinkKind.REGISTRATION, MyicsLinkKind.NEW_PASSWORD, MyicsLinkKind.NEW_ADDRESS)
        link = next(filter(None, (read_link(SECRET_KEYS, kind, token) for kind in kinds)), None)
        return link is not None and link.procedure_id == self.number and link.occurrence == number

    def mails(self, address: str | None) -> list[EmailMessage]:
        return self.myics.environment.inbox.to(address or "")

    async def notices(self) -> list[NoticeRow]:
        """The mails that were sent, in their order."""
        return await self.myics.rows(
            select(NoticeRow).where(NoticeRow.key.startswith(f"{self.number}:")).order_by(NoticeRow.sent_at)
        )

    async def kinds(self) -> list[str]:
        return [notice.kind for notice in await self.notices()]

    async def audit(self) -> list[str]:
        rows = await self.myics.rows(
            select(AuditRow).where(AuditRow.case_no == self.number).order_by(AuditRow.audit_id)
        )
        return [row.action for row in rows]

    async def settled(self) -> None:
        """Wait until nothing is under way, and nothing is due."""
        await settled(self.myics.environment.temporal, self.handle)

    async def at(self, stage: RegistrationStage) -> None:
        async with asyncio.timeout(PATIENCE):
            while (await self.progress()).stage is not stage:  # noqa: ASYNC110 the procedure is queried
                await asyncio.sleep(0.05)
        await self.settled()

    async def waits_for(self, who: WaitingFor) -> None:
        async with asyncio.timeout(PATIENCE):
            while (await self.progress()).waiting_for is not who:  # noqa: ASYNC110 the procedure is queried
                await asyncio.sleep(0.05)
        await self.settled()

    async def activity(self, name: str) -> None:
        """Wait until this activity is under way."""
        async with asyncio.timeout(PATIENCE):
            while True:
                pending = (await self.handle.describe()).raw_description.pending_activities
                if name in {each.activity_type.name for each in pending}:
                    return
                await asyncio.sleep(0.05)

    async def until(self, time: datetime) -> bool:
        """Let time pass to just after `time`; False if the registration ended before."""
        temporal = self.myics.environment.temporal
        distance = time - await temporal.get_current_time(self.handle)
        still_open = await temporal.fast_forward(self.handle, distance + timedelta(minutes=1))
        await self.settled()
        return still_open

    async def until_day(self, day: date) -> bool:
        return await self.until(opening_of(day))

    async def act(self, name: str, **facts: Any) -> None:
        """Send an update as the Web UI does: by name, with one JSON."""
        await self.handle.execute_update(name, {"reason": "お電話", **facts})


@asynccontextmanager
async def myics_with_worker(
    sessions: async_sessionmaker[AsyncSession],
    temporal: WorkflowEnvironment,
    inbox: SmtpInbox,
    *,
    workflows: Sequence[type] = WORKFLOWS,
    runner: WorkflowRunner = RESTRICTED,
) -> AsyncIterator[MyicsEnvironment]:
    """The Temporal server is shared by all tests: no two of them may use the same numbers."""
    async with environment_with_worker(sessions, temporal, inbox, workflows=workflows, runner=runner) as environment:
        async with sessions.begin() as session:
            first = uuid4().int % 99_000_000 * 10 + 1_000
            for count in (registration_count, batch_count):
                await session.execute(select(func.setval(count.name, first)))
        yield MyicsEnvironment(environment)
