"""Every operation of every procedure, pressed in the Temporal Web UI. Those of an office have a test of their own."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from uuid import uuid4

import pytest
from playwright.async_api import Browser
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from models.backoffice.case_places import CasePlace, place_of
from models.backoffice.operation_permissions import OPERATION_PERMISSIONS
from models.common.desk_links import operation_path
from models.common.identifiers import MailAddress
from models.common.operations import Operation
from models.common.refusals import RefusedError
from models.myics.batch_operations import BatchOperation
from models.myics.batches import BatchKind
from models.myics.deadlines import WRONG_KEYWORDS
from models.myics.forms import ClientForm
from models.myics.identifiers import ClientSuffix, CustomerNo, registration_workflow_id
from models.myics.operations import RegistrationOperation
from models.myics.registrations import RegistrationKind, RegistrationStage
from models.myics.store.registrants import LinkRefusedError, read_account
from models.myics.store.sign_in import Member
from models.tables import AuditRow
from models.webhooks.messages import ATTEMPTS, WebhookOperation, WebhookStage
from models.yayoi.address_checks import CheckOperation
from models.yayoi.operator_actions import Action
from models.yayoi.operator_rules import OF_APPLICATIONS
from models.yayoi.procedures import APPLICATION_WORKFLOW, OFFICE_WORKFLOW
from tests.support.browser_user import browser_user_in
from tests.support.cases import in_sharing
from tests.support.environment import OFFICE_B
from tests.support.myics_cases import held_up, refused_for_good, waits_for_operator
from tests.support.myics_environment import KEYWORD, OWNER, PASSWORD, MyicsEnvironment, Registered, user
from tests.support.operator_user import HANDLE, Act, OperatorUser, operator_user
from tests.support.smtp_inbox import SmtpInbox
from tests.support.webhook_messages import stored
from tests.support.webhook_receiver import receiving

pytestmark = pytest.mark.browser

REGISTRATIONS = "activities.myics.registrations._held"
"""What every step of a registration reads first."""
RIGHT = {"正しいメールアドレス": "tadashii@aoba-kaikei.example.jp"}
Does = RegistrationOperation
ANY = (Act(Does.ADD_NOTE), Act(Does.HAND_OVER, choose="鈴木"))
LINKED = (Act(Does.RESEND),)
INVITED = (Act(Does.EXTEND_DEADLINE), Act(Does.CORRECT_ADDRESS, typed=RIGHT))
TO_ITS_END = (Act(Does.WITHDRAW), Act(Does.TRY_AGAIN))
"""The step that ends it is refused for good; then somebody has it tried again."""


@dataclass
class Site:
    """The operator, and the firm that the cases of MYICS are of."""

    operator: OperatorUser
    myics: MyicsEnvironment = field(init=False)
    _firm: Member | None = None

    def __post_init__(self) -> None:
        self.myics = MyicsEnvironment(self.operator.environment)

    async def firm(self) -> Member:
        self._firm = self._firm or await self.myics.firm()
        return self._firm


Opened = AbstractAsyncContextManager[str]
"""A case that is there meanwhile: the id of its workflow."""


@dataclass(frozen=True)
class Walk:
    """What is done with a case of a procedure."""

    procedure: str
    opened: Callable[[Site], Opened]
    acts: tuple[Act, ...]
    never: frozenset[Operation] = frozenset()
    """What such a case never needs, and its form says so."""


async def at_link(registration: Registered) -> str:
    await registration.link()
    await registration.settled()
    return registration.handle.id


@asynccontextmanager
async def locked_representative(site: Site) -> AsyncIterator[str]:
    address = MailAddress("midori@midori-kaikei.example.jp")
    registration = await site.myics.invite(CustomerNo("1000200302"), address)
    token = await registration.link()
    registrants = site.myics.registrants
    await registrants.accept_terms(token, authority=True, terms=True)
    await registrants.choose_account(token, read_account(address, KEYWORD))
    await site.myics.notify()
    second = await registration.link(2)
    for _ in range(WRONG_KEYWORDS):
        try:
            await registrants.confirm(second, "違う", PASSWORD)
        except (RefusedError, LinkRefusedError):
            continue
    await site.myics.notify()
    await registration.settled()
    yield registration.handle.id


@asynccontextmanager
async def invited_user(site: Site) -> AsyncIterator[str]:
    yield await at_link(await site.myics.add(await site.firm(), user("jiro@aoba-kaikei.example.jp")))


@asynccontextmanager
async def client_with_a_user(site: Site) -> AsyncIterator[str]:
    people = (user("minato@minato.example.jp"),)
    form = ClientForm(suffix=ClientSuffix("0012"), name="みなと商店", users=people)
    client = Registered(site.myics, await site.myics.clients.add(await site.firm(), form))
    await site.myics.notify()
    await client.at(RegistrationStage.USERS)
    yield client.handle.id


@asynccontextmanager
async def forgotten_password(site: Site) -> AsyncIterator[str]:
    await site.firm()
    await site.myics.forget_password(OWNER)
    [renewal] = await site.myics.requested(RegistrationKind.RENEWAL)
    yield await at_link(renewal)


@asynccontextmanager
async def changed_address(site: Site) -> AsyncIterator[str]:
    await site.myics.correct_address(await site.firm(), OWNER, "taro@aoba-kaikei.example.jp")
    [change] = await site.myics.requested(RegistrationKind.ADDRESS)
    yield await at_link(change)


@asynccontextmanager
async def held_up_file(site: Site) -> AsyncIterator[str]:
    handle = await held_up(site.myics, await site.firm())
    yield handle.id
    await handle.terminate()


@asynccontextmanager
async def refused_file(site: Site) -> AsyncIterator[str]:
    text = "顧問先ID下4桁,顧問先名称\n0077,あおば商店\n"
    number = await site.myics.batches.take(await site.firm(), BatchKind.CLIENTS, text.encode(), uuid4())
    handle = site.myics.environment.client.get_workflow_handle(registration_workflow_id(number))
    with refused_for_good("activities.myics.batches._take"):
        await site.myics.notify()
        await waits_for_operator(handle)
    yield handle.id
    await handle.result()


@asynccontextmanager
async def whole_application(site: Site) -> AsyncIterator[str]:
    case = await in_sharing(site.operator.environment)
    yield case.application.id
    await case.application.result()


@asynccontextmanager
async def mailed_code(site: Site, path: str = "/register") -> AsyncIterator[str]:
    async with browser_user_in(site.operator.environment) as browser_user:
        of_password = path == "/password"
        place = await browser_user.begun(path, {"yayoi_id": OFFICE_B[0]} if of_password else None)
        await (browser_user.code(1, OFFICE_B[0]) if of_password else browser_user.mail())
        yield browser_user.procedure(place).id


def forgotten_yayoi_password(site: Site) -> Opened:
    return mailed_code(site, "/password")


@asynccontextmanager
async def undelivered_webhook(site: Site) -> AsyncIterator[str]:
    async with receiving() as receiver:
        receiver.answers = [500] * ATTEMPTS
        message = await stored(site.operator.environment, receiver.url)
        await message.start()
        await message.die()
        yield message.handle.id
        await message.until(WebhookStage.DELIVERED)


WALKS = {
    "registration of a Yayoi ID": Walk("YayoiIdRegistration", mailed_code, (Act(CheckOperation.END),)),
    "password of a Yayoi ID": Walk("PasswordSetting", forgotten_yayoi_password, (Act(CheckOperation.END),)),
    "representative": Walk(
        "RepresentativeRegistration",
        locked_representative,
        (Act(Does.UNLOCK), *ANY, *LINKED, *INVITED, *TO_ITS_END),
    ),
    "user": Walk("UserInvitation", invited_user, (*ANY, *LINKED, *INVITED, *TO_ITS_END), frozenset({Does.UNLOCK})),
    "client": Walk(
        "ClientRegistration",
        client_with_a_user,
        (*ANY, *TO_ITS_END),
        frozenset({Does.RESEND, Does.EXTEND_DEADLINE, Does.CORRECT_ADDRESS, Does.UNLOCK}),
    ),
    "forgotten password": Walk(
        "PasswordRenewal",
        forgotten_password,
        (*ANY, *LINKED, *TO_ITS_END),
        frozenset({Does.EXTEND_DEADLINE, Does.CORRECT_ADDRESS, Does.UNLOCK}),
    ),
    "changed address": Walk(
        "AddressChange", changed_address, (*ANY, *LINKED, *INVITED, *TO_ITS_END), frozenset({Does.UNLOCK})
    ),
    "file": Walk("ClientBatch", held_up_file, (Act(BatchOperation.STOP), Act(BatchOperation.RESUME))),
    "refused file": Walk("ClientBatch", refused_file, (Act(BatchOperation.TRY_AGAIN),)),
    "whole application": Walk(
        APPLICATION_WORKFLOW,
        whole_application,
        (Act(Action.CANCEL, called=OF_APPLICATIONS.label(Action.CANCEL)),),
    ),
    "notification of another system": Walk("WebhookDelivery", undelivered_webhook, (Act(WebhookOperation.RESEND),)),
}


def test_every_operation_of_every_other_procedure_is_walked() -> None:
    walked: dict[str, set[Operation]] = {}
    for walk in WALKS.values():
        walked.setdefault(walk.procedure, set()).update({act.operation for act in walk.acts}, walk.never)
    every = {procedure: set(permitted) for procedure, permitted in OPERATION_PERMISSIONS.items()}
    assert walked == {procedure: every[procedure] for procedure in every if procedure != OFFICE_WORKFLOW}


@pytest.mark.long
async def test_each_operation_is_pressed_in_the_web_ui_filled_in_and_its_result_shown(
    sessions: async_sessionmaker[AsyncSession], smtp_inbox: SmtpInbox, browser: Browser
) -> None:
    """The history's headers name the log-in, and the audit trail why; what is never possible says so in its form."""
    async with operator_user(sessions, smtp_inbox, browser) as operator:
        site = Site(operator)
        for name, walk in WALKS.items():
            async with walk.opened(site) as workflow_id:
                for operation in walk.never:
                    form = operation_path(*(place_of(workflow_id) or CasePlace("")), operation)
                    refused = await operator.page.request.get(operator.desk.url + form)
                    assert (refused.status, operation.label in await refused.text()) == (409, True)
                await operator.open(workflow_id)
                for act in walk.acts:
                    with refusing(act):
                        await operator.acted(act, f"{name}：{act.label}")
                        if act is TO_ITS_END[0]:
                            handle = operator.environment.client.get_workflow_handle(workflow_id)
                            await waits_for_operator(handle)
                assert await operator.signed(workflow_id) == [act.operation for act in walk.acts]
                mine = await operator.environment.rows(select(AuditRow).where(AuditRow.by == f"operator:{HANDLE}"))
                assert {f"{name}：{act.label}" for act in walk.acts} <= {row.reason for row in mine}


def refusing(act: Act) -> AbstractContextManager[None]:
    return refused_for_good(REGISTRATIONS) if act is TO_ITS_END[0] else nullcontext()
