"""An environment for procedure tests: registry, real Postgres, SMTP and Temporal, one worker, and its people."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Literal
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import WorkflowRunner

from activities.yayoi.registry.protocols import Registry
from models.common.calendar import BusinessCalendar, opening_of
from models.common.operator_message import ActionMessage
from models.common.waiting_for import WaitingFor
from models.tables import AuditRow, IssuedContractRow, NoticeRow, OfficeRow
from models.yayoi.application_form import Applicant, ApplicationForm, Consents, OfficePair
from models.yayoi.identifiers import (
    ApplicationNo,
    ContractId,
    OfficeToken,
    YayoiId,
    application_workflow_id,
    office_workflow_id,
)
from models.yayoi.messages import ApplicationOutcome, OfficeOutcome, OfficeProgress, OfficeRef
from models.yayoi.operator_actions import Action, ServiceRelinked, SetUpStepDone, SharingReleased
from models.yayoi.procedures import SetUpStep, Stage
from models.yayoi.service_links import LinkKind
from models.yayoi.store.intake import Intake
from models.yayoi.store.remembered_links import link_number
from models.yayoi.store.smart_import import PostgresSmartImport
from tests.support.databases import as_role, begin_numbers
from tests.support.encryption import MASTER_KEYS
from tests.support.example_registry import fill_with_examples
from tests.support.sandbox import RESTRICTED
from tests.support.secret_key import SECRET_KEY
from tests.support.settling import settled
from tests.support.signing import SATO, key_folder, publish_keys
from tests.support.smtp_inbox import SmtpInbox
from web.yayoi.starter import ApplicationStarter
from workers.database_roles import DatabaseRole
from workers.settings import Settings
from workers.wiring.root import WORKFLOWS, build_worker
from workflows.yayoi.multi_office_application import MultiOfficeApplication
from workflows.yayoi.office_data_procedure import OfficeDataProcedure

_NUMBERS = itertools.count(1000, 1000)

OPERATOR = str(SATO)
"""What records name those by who act in tests."""

YAYOI = ContractId("8871304")
OFFICE_B = (YayoiId("office-b@yayoi-taro.example.jp"), OfficeToken("b0000002-0000-4000-8000-000000000002"))
OFFICE_C = (YayoiId("office-c@yayoi-taro.example.jp"), OfficeToken("c0000003-0000-4000-8000-000000000003"))
TARO = "taro@yayoi-taro.example.jp"
NOBODY = YayoiId("nobody@yayoi-taro.example.jp")
"""No Yayoi ID at all."""


def form(
    pairs: Sequence[tuple[YayoiId, OfficeToken | None]] = (OFFICE_B,),
    *,
    contract: ContractId = YAYOI,
    linked: bool = True,
    network: bool = True,
    delegate: bool = False,
) -> ApplicationForm:
    return ApplicationForm(
        submission_id=uuid4(),
        applicant=Applicant(family_name="弥生", given_name="太郎"),
        existing_contract_id=contract,
        accounting_link=linked,
        network_product=network,
        offices=tuple(
            OfficePair(yayoi_id=yayoi_id, yayoi_id_confirmation=yayoi_id, office_token=token)
            for yayoi_id, token in pairs
        ),
        consents=Consents(stop_smart_import=True, relink_required=True, delegate_unsharing=delegate),
    )


async def _nothing_to_read() -> None:
    """Have no worker of one's own."""


@dataclass
class Environment:
    """What a test needs to play every part."""

    sessions: async_sessionmaker[AsyncSession]
    temporal: WorkflowEnvironment
    settings: Settings
    inbox: SmtpInbox
    calendar: BusinessCalendar = field(default_factory=BusinessCalendar)
    freezes: bool = True
    """Whether smart import is the default: then offices are frozen as the form is accepted."""
    read_keys: Callable[[], Awaitable[None]] = field(default=_nothing_to_read)
    """Has the worker read the public keys, as it does every minute."""

    @property
    def client(self) -> Client:
        return self.temporal.client

    async def apply(
        self, application: ApplicationForm, *, by_holder: bool = True, client: Client | None = None
    ) -> "Case":
        """Apply by the link that the contract's holder was mailed; not `by_holder`: as anybody who knows the number.

        `client`: by which the case is started, another than that of the tests.
        """
        intake = Intake(self.sessions, self.calendar, freezes=self.freezes)
        receipt = await intake.receive(application, by_holder=by_holder)
        starter = ApplicationStarter(
            self.sessions,
            client or self.client,
            task_queue=self.settings.temporal_task_queue,
        )
        await starter.start(receipt.application_no)
        case = Case(self, receipt.application_no, receipt.due_date)
        for number in range(1, len(application.offices) + 1):
            await case.started(number)
        return case

    async def office(self, token: OfficeToken) -> OfficeRow:
        async with self.sessions() as session:
            return await session.get_one(OfficeRow, token)

    async def rows(self, statement: Any) -> list[Any]:
        async with self.sessions() as session:
            return list((await session.scalars(statement)).all())


@dataclass
class Case:
    """One application, with the customer, the operator and time at hand."""

    environment: Environment
    application_no: ApplicationNo
    due_date: date

    @property
    def application(self) -> WorkflowHandle[MultiOfficeApplication, ApplicationOutcome]:
        return self.environment.client.get_workflow_handle_for(
            MultiOfficeApplication.run, application_workflow_id(self.application_no)
        )

    def office(self, number: int = 1) -> WorkflowHandle[OfficeDataProcedure, OfficeOutcome]:
        return self.environment.client.get_workflow_handle_for(
            OfficeDataProcedure.run, office_workflow_id(self.application_no, number)
        )

    async def started(self, number: int = 1) -> None:
        """Wait for the procedure of an office: the application starts it a moment later."""
        while True:
            try:
                await self.office(number).describe()
            except RPCError as error:
                if error.status is not RPCStatusCode.NOT_FOUND:
                    raise
                await asyncio.sleep(0.02)
            else:
                return

    async def settled(self, number: int = 1) -> None:
        """Wait until nothing is under way for an office, nothing is due, and its application knows."""
        for procedure in (self.office(number), self.application):
            await settled(self.environment.temporal, procedure)

    async def progress(self, number: int = 1) -> OfficeProgress:
        return await self.office(number).query(OfficeDataProcedure.progress)

    async def now(self, number: int = 1) -> datetime:
        return await self.environment.temporal.get_current_time(self.office(number))

    async def until(self, moment: datetime, number: int = 1) -> bool:
        """Let this office's time pass to just after `moment`; False if its procedure ended before."""
        distance = moment - await self.now(number)
        still_open = await self.environment.temporal.fast_forward(self.office(number), distance + timedelta(minutes=1))
        await self.settled(number)
        return still_open

    async def until_day(self, day: date, number: int = 1) -> bool:
        return await self.until(opening_of(day), number)

    async def act(self, message: ActionMessage, number: int = 1, *, action: Action | None = None) -> None:
        """Send an update as the Web UI does: by name, with one JSON. `action`: which of several with this type."""
        if action is None:
            [action] = [each for each in Action if each.message is type(message)]
        await self.office(number).execute_update(action, message)

    async def release_sharing(self, number: int = 1) -> None:
        await self.act(SharingReleased(reason="お電話"), number)

    async def do_step(self, step: SetUpStep, number: int = 1) -> None:
        await self.office(number).execute_update(
            OfficeDataProcedure.report_set_up_step, SetUpStepDone(reason="お電話", step=step)
        )

    async def do_steps(self, *steps: SetUpStep, number: int = 1) -> None:
        for step in steps:
            await self.do_step(step, number)

    async def relink(
        self, kind: LinkKind, service: str, on: date, *, asked_from: date | None = None, number: int = 1
    ) -> None:
        link = await self.link(kind, service, number)
        await self.office(number).execute_update(
            OfficeDataProcedure.report_relink,
            ServiceRelinked(reason="お電話", link=link, relinked_on=on, asked_from=asked_from),
        )

    async def link(self, kind: LinkKind, service: str, number: int = 1) -> int:
        """Return by which number an office's case knows a service."""
        pair = OfficeRef(case_no=self.application_no, part=number)
        return await link_number(self.environment.sessions, pair, kind, service)

    async def notices(self, kind: str | None = None) -> list[NoticeRow]:
        statement = select(NoticeRow).where(NoticeRow.case_no == self.application_no).order_by(NoticeRow.sent_at)
        return await self.environment.rows(statement if kind is None else statement.where(NoticeRow.kind == kind))

    async def issued(self) -> list[IssuedContractRow]:
        return await self.environment.rows(
            select(IssuedContractRow)
            .where(IssuedContractRow.application_no == self.application_no)
            .order_by(IssuedContractRow.office_no)
        )

    async def audit(self) -> list[AuditRow]:
        return await self.environment.rows(
            select(AuditRow).where(AuditRow.case_no == self.application_no).order_by(AuditRow.audit_id)
        )


@asynccontextmanager
async def environment_with_worker(
    sessions: async_sessionmaker[AsyncSession],
    temporal: WorkflowEnvironment,
    inbox: SmtpInbox,
    *,
    workflows: Sequence[type] = WORKFLOWS,
    max_cached_workflows: int = 1000,
    build_id: str | None = None,
    versioning_behavior: Literal["auto_upgrade", "pinned"] = "auto_upgrade",
    registry: Registry | None = None,
    runner: WorkflowRunner = RESTRICTED,
    **further_settings: Any,
) -> AsyncIterator[Environment]:
    """Every test has a task queue, a database and numbers of its own; the registry is the default's unless given."""
    settings = Settings(
        temporal_task_queue=f"test-{uuid4()}",
        deployment_name=f"test-{uuid4()}",
        build_id=build_id,
        versioning_behavior=versioning_behavior,
        smtp_host=inbox.host,
        smtp_port=inbox.port,
        secret_key=SECRET_KEY,
        public_url="http://web.test",
        api_open=True,
        signing_keys_dir=key_folder(),
        master_keys=MASTER_KEYS,
        **further_settings,
    )
    await fill_with_examples(sessions)
    await publish_keys(sessions)
    async with sessions.begin() as session:
        await begin_numbers(session, next(_NUMBERS))
    async with (
        as_role(sessions, DatabaseRole.WORKER) as own,
        build_worker(
            temporal.client,
            settings,
            own,
            registry=registry,
            workflows=workflows,
            versioned=build_id is not None,
            max_cached_workflows=max_cached_workflows,
            runner=runner,
        ) as workers,
    ):
        freezes = registry is None or isinstance(registry.smart_import, PostgresSmartImport)
        yield Environment(sessions, temporal, settings, inbox, freezes=freezes, read_keys=workers.keys.read)


async def details_of(procedure: WorkflowHandle[Any, Any]) -> str:
    """Read what the Web UI shows of it: its Current Details, in Markdown."""
    metadata = await procedure.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
    return str(metadata.current_details)


async def at_rest(case: Case, stage: Stage, number: int = 1) -> None:
    """Wait until an office's procedure is at a stage and waits for a person, and its application knows."""
    while True:
        progress = await case.progress(number)
        if progress.stage is stage and progress.waiting_for is not WaitingFor.SYSTEM:
            break
        assert progress.outcome is None, f"ended as {progress.outcome} before it came to {stage}"
        await asyncio.sleep(0.02)
    await case.settled(number)
