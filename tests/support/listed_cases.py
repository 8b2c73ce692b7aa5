"""Cases for the worklist: rows as intake and the procedures leave them, without the procedures."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from models.backoffice.case_places import CasePlace
from models.common.case_status import CaseStatus
from models.common.store.case_status import begin_status
from models.common.waiting_for import WaitingFor
from models.myics.identifiers import RegistrationNo, registration_workflow_id
from models.myics.registrations import RegistrationKind
from models.tables import (
    ApplicationOfficeRow,
    ApplicationRow,
    CaseStatusRow,
    ExistingContractRow,
    MyicsFirmRow,
    MyicsRegistrationRow,
)
from models.yayoi.identifiers import ApplicationNo, application_workflow_id, office_workflow_id
from models.yayoi.procedures import APPLICATION_WORKFLOW, OFFICE_WORKFLOW, ApplicationStage, Procedure, Stage

APPLIED_AT = datetime(2026, 11, 2, 1, 0, tzinfo=UTC)
DUE = date(2026, 11, 20)
BEGUN = {"first_run_id": "first"}
"""What the first step of a procedure writes."""


@dataclass(frozen=True)
class ListedOffice:
    """One application with one office."""

    number: int
    family_name: str = "弥生"
    given_name: str = "太郎"
    office_name: str = "本店"
    holder: str = "弥生 商店"
    status: Mapping[str, Any] = field(default_factory=dict)
    """Columns of its status row that differ from those of a new case."""

    @property
    def application_no(self) -> str:
        return f"YS-{self.number:06d}"

    @property
    def key(self) -> CasePlace:
        return CasePlace(self.application_no, 1)

    @property
    def contract_id(self) -> str:
        return f"6{self.number:06d}"

    @property
    def yayoi_id(self) -> str:
        return f"person{self.number}@example.jp"

    @property
    def office_token(self) -> str:
        return f"{self.number:08d}-0000-0000-0000-000000000000"


async def fill_offices(sessions: async_sessionmaker[AsyncSession], *offices: ListedOffice) -> None:
    """Store them."""
    async with sessions.begin() as session:
        for each in offices:
            for row in _contract_and_application(each):
                session.add(row)
                await session.flush()
            number, first = ApplicationNo(each.application_no), CaseStatus.first(Stage.CHECK, APPLIED_AT, due_on=DUE)
            session.add(
                ApplicationOfficeRow(
                    application_no=number,
                    office_no=1,
                    yayoi_id=each.yayoi_id,
                    office_token=each.office_token,
                    office_name=each.office_name,
                )
            )
            begin_status(session, office_workflow_id(number, 1), number, 1, first, procedure=OFFICE_WORKFLOW)
            whole = CaseStatus.first(ApplicationStage.IN_PROGRESS, APPLIED_AT)
            begin_status(session, application_workflow_id(number), number, None, whole, procedure=APPLICATION_WORKFLOW)
            await session.flush()
            rows, of_office = CaseStatusRow.case_no == number, CaseStatusRow.part == 1
            await session.execute(update(CaseStatusRow).where(rows).values(**BEGUN))
            if each.status:
                await session.execute(update(CaseStatusRow).where(rows, of_office).values(**each.status))


def _contract_and_application(of: ListedOffice) -> list[Any]:
    contract = ExistingContractRow(
        contract_id=of.contract_id,
        customer_name=of.holder,
        mail_address=f"holder{of.number}@example.jp",
        product_name="弥生会計",
        network_product=False,
    )
    application = ApplicationRow(
        application_no=of.application_no,
        submission_id=uuid4(),
        digest="",
        family_name=of.family_name,
        given_name=of.given_name,
        existing_contract_id=of.contract_id,
        accounting_link=True,
        network_product=False,
        procedure=Procedure.LINKED_STANDALONE,
        consents={},
        applied_at=APPLIED_AT,
        due_date=DUE,
        alert_on=DUE,
        expires_on=DUE,
    )
    return [contract, application]


@dataclass(frozen=True)
class ListedRegistration:
    """A registration of MYICS, with a firm of its own."""

    number: int
    kind: RegistrationKind
    name: str
    firm: str
    waiting_for: WaitingFor = WaitingFor.APPLICANT

    @property
    def registration_no(self) -> str:
        return f"MR-{self.number:06d}"

    @property
    def customer_no(self) -> str:
        return f"1{self.number:09d}"


async def fill_registrations(sessions: async_sessionmaker[AsyncSession], *registrations: ListedRegistration) -> None:
    """Store them."""
    async with sessions.begin() as session:
        for each in registrations:
            session.add(MyicsFirmRow(customer_no=each.customer_no, name=each.firm))
            await session.flush()
            row = MyicsRegistrationRow(
                registration_no=each.registration_no,
                kind=each.kind,
                customer_no=each.customer_no,
                address=f"{each.registration_no.lower()}@example.jp",
                name=each.name,
                requested_by="command",
                requested_at=APPLIED_AT,
                stage=each.kind.first_stage,
                expires_on=DUE,
                changed_at=APPLIED_AT,
            )
            session.add(row)
            first = CaseStatus.first(each.kind.first_stage, APPLIED_AT, each.waiting_for)
            status = begin_status(
                session,
                registration_workflow_id(RegistrationNo(each.registration_no)),
                each.registration_no,
                None,
                first,
                procedure=each.kind.workflow_type,
            )
            status.first_run_id = BEGUN["first_run_id"]
