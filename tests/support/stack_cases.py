"""Cases on a whole stack, as customers and the vendor's systems reach it."""

import asyncio
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any
from uuid import uuid4

import httpx
from sqlalchemy import select
from temporalio.service import RPCError

from models.common.calendar import day_in_japan
from models.common.waiting_for import WaitingFor
from models.common.web_addresses import address_of
from models.tables import IssuedContractRow, NoticeRow
from models.yayoi.identifiers import ApplicationNo, application_workflow_id, office_workflow_id
from models.yayoi.mails import NOTICE_SUBJECT, MailKind
from models.yayoi.messages import ApplicationOutcome
from models.yayoi.procedures import Stage
from models.yayoi.service_links import LinkKind
from tests.support.status_rows import row_says
from workers import database, examples, temporal
from workers.registry.file import load
from workers.settings import Settings
from workers.stack.places import Places
from workflows.yayoi.office_data_procedure import OfficeDataProcedure

NOTICE = MailKind.COMPLETION_NOTICE


LINKS_C = [(LinkKind.BANK_ACCOUNT, "みずうみ銀行 普通 7654321"), (LinkKind.AIR_REGI, "Airレジ 本店")]


class Outside:
    """The customer and the vendor's systems: all they have is HTTP and mail, and they try until they are heard."""

    def __init__(self, settings: Settings, api_key: str = "") -> None:
        """`api_key`: what the vendor's systems show, where the API is not open."""
        self._web = address_of(settings.web_host, settings.web_port)
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._mail = Places(settings.state_dir).mail

    async def apply(self, *pairs: tuple[str, str], contract_id: str = "8871304") -> ApplicationNo:
        offices = [{"yayoi_id": to, "yayoi_id_confirmation": to, "office_token": token} for to, token in pairs]
        form = {
            "submission_id": str(uuid4()),
            "applicant": {"family_name": "弥生", "given_name": "太郎"},
            "existing_contract_id": contract_id,
            "accounting_link": True,
            "network_product": True,
            "offices": offices,
            "consents": {"stop_smart_import": True, "relink_required": True},
        }
        return ApplicationNo((await self._post("/api/applications", form))["application_no"])

    async def report(self, kind: str, **facts: Any) -> None:
        await self._post("/api/events", {"event_id": str(uuid4()), "kind": kind, **facts})

    async def notice(self, to: str) -> EmailMessage:
        """Wait for the completion notice to this address."""
        while not (notices := await asyncio.to_thread(self.notices, to)):  # noqa: ASYNC110 a file of another process
            await asyncio.sleep(0.1)
        return notices[0]

    def notices(self, to: str) -> list[EmailMessage]:
        return [mail for mail in self.all_notices() if mail["To"] == to]

    def all_notices(self) -> list[EmailMessage]:
        """Every completion notice that the mail server has taken, the same one as often as it was taken."""
        files = sorted(self._mail.glob("*.eml"))
        mails = [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]
        return [mail for mail in mails if mail["Subject"] == NOTICE_SUBJECT]

    async def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        async with httpx.AsyncClient(base_url=self._web, headers=self._headers, timeout=10) as http:
            while True:
                try:
                    answer = await http.post(path, json=body)
                except httpx.TransportError:
                    answer = None
                if answer is not None and answer.is_success:
                    return dict(answer.json())
                assert answer is None or answer.is_server_error, answer.text
                await asyncio.sleep(0.1)


class Case:
    """One application on a stack that is being hurt."""

    def __init__(self, settings: Settings, outside: Outside, application_no: ApplicationNo) -> None:
        self._settings = settings
        self._outside = outside
        self._application_no = application_no

    async def rests_at(self, office_no: int, stage: Stage) -> None:
        """Wait until an office's procedure waits for people at this stage."""
        while True:
            try:
                async with temporal.opened(self._settings) as client:
                    office = client.get_workflow_handle(office_workflow_id(self._application_no, office_no))
                    progress = await office.query(OfficeDataProcedure.progress, rpc_timeout=timedelta(seconds=5))
                if progress.stage is stage and progress.waiting_for is not WaitingFor.SYSTEM:
                    return
                assert progress.outcome is None
            except (temporal.TemporalUnreachableError, RPCError):
                pass  # whom we ask is being restarted
            await asyncio.sleep(0.2)

    async def issued(self) -> list[IssuedContractRow]:
        rows = select(IssuedContractRow).where(IssuedContractRow.application_no == self._application_no)
        async with database.opened(self._settings) as sessions, sessions() as session:
            return list(await session.scalars(rows.order_by(IssuedContractRow.office_no)))

    async def notices(self) -> list[NoticeRow]:
        rows = select(NoticeRow).where(NoticeRow.case_no == self._application_no, NoticeRow.kind == NOTICE)
        async with database.opened(self._settings) as sessions, sessions() as session:
            return list(await session.scalars(rows.order_by(NoticeRow.part)))

    async def customer_sets_up(self, office_no: int, *links: tuple[LinkKind, str]) -> None:
        """What the customer does after the notice, as the vendor's systems report it."""
        [issued] = [row for row in await self.issued() if row.office_no == office_no]
        both = {"contract_id": issued.contract_id, "yayoi_id": issued.yayoi_id}
        await self._outside.report("support_password_set", **both)
        await self._outside.report("business_group_created", yayoi_id=issued.yayoi_id, group_name="弥生商店")
        await self._outside.report("product_registered", **both)
        await self._outside.report("owned_product_registered", **both)
        for kind, service in links:
            facts = {"service_kind": kind, "service": service, "relinked_on": f"{day_in_japan(datetime.now(UTC))}"}
            await self._outside.report("service_relinked", contract_id=issued.contract_id, **facts)

    async def status_rows_say_what_the_procedures_are(self, *office_numbers: int) -> None:
        """Of offices at rest, also when they have ended: what pages read is what the workflow knows."""
        async with (
            temporal.opened(self._settings) as client,
            database.opened(self._settings) as sessions,
            sessions() as session,
        ):
            for number in office_numbers:
                office = client.get_workflow_handle(office_workflow_id(self._application_no, number))
                await row_says(session, self._application_no, await office.query(OfficeDataProcedure.progress))

    async def result(self) -> ApplicationOutcome:
        async with temporal.opened(self._settings) as client:
            application = client.get_workflow_handle(
                application_workflow_id(self._application_no), result_type=ApplicationOutcome
            )
            return ApplicationOutcome.model_validate(await application.result())


async def load_examples(settings: Settings) -> None:
    async with database.opened(settings) as sessions:
        await load(sessions, examples.registry())
