"""What the database holds of the application in the demo, to be compared and shown."""

from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import select, update

from models.tables import (
    ApplicationRow,
    AuditRow,
    CaseStatusRow,
    IssuedContractRow,
    OfficeRow,
    OperatorRow,
    RememberedLinkRow,
    ServiceLinkRow,
)
from models.yayoi.identifiers import OfficeToken
from workers.demo.run import DemoRun


class RegisteredOffice(NamedTuple):
    """By which ID an office is managed, for whom it is frozen, and its links."""

    contract_id: str | None
    frozen_by: str | None
    links: list[str]


async def registered(run: DemoRun, token: OfficeToken) -> RegisteredOffice:
    async with run.sessions() as session:
        office = await session.get_one(OfficeRow, token)
        links = await session.scalars(
            select(ServiceLinkRow.service)
            .where(ServiceLinkRow.office_token == token, ServiceLinkRow.lost_at.is_(None))
            .order_by(ServiceLinkRow.link_id)
        )
        return RegisteredOffice(office.contract_id, office.frozen_by, list(links))


async def applied_at(run: DemoRun) -> datetime:
    """When the application was taken."""
    async with run.sessions() as session:
        return (await session.get_one(ApplicationRow, run.application_no)).applied_at


async def issued(run: DemoRun, number: int = 1) -> IssuedContractRow:
    """The contract ID of an office."""
    row = IssuedContractRow
    async with run.sessions() as session:
        rows = await session.scalars(
            select(row).where(row.application_no == run.application_no, row.office_no == number)
        )
        return rows.one()


async def actions(run: DemoRun, number: int) -> list[tuple[str, datetime]]:
    """What was done about an office, in order, and when by the case's own clock."""
    async with run.sessions() as session:
        rows = await session.scalars(
            select(AuditRow)
            .where(AuditRow.case_no == run.application_no, AuditRow.part == number)
            .order_by(AuditRow.audit_id)
        )
        return [(row.action, row.happened_at) for row in rows]


async def mail_address_of(run: DemoRun, name: str) -> str:
    """The mail address of an operator."""
    async with run.sessions() as session:
        return (await session.scalars(select(OperatorRow.mail_address).where(OperatorRow.name == name))).one()


async def operator_of(run: DemoRun, number: int) -> str:
    """The mail address of the operator in charge of an office."""
    row = CaseStatusRow
    async with run.sessions() as session:
        in_charge = await session.scalars(
            select(OperatorRow.mail_address)
            .join(row, row.assignee == OperatorRow.handle)
            .where(row.case_no == run.application_no, row.part == number)
        )
        return in_charge.one()


async def import_up_to(run: DemoRun, tokens: list[OfficeToken], day: date) -> None:
    """Make this day the last import of these offices."""
    async with run.sessions.begin() as session:
        await session.execute(
            update(ServiceLinkRow).where(ServiceLinkRow.office_token.in_(tokens)).values(last_imported_on=day)
        )


async def remembered(run: DemoRun) -> list[RememberedLinkRow]:
    """The links that were lost with the old contract ID."""
    row = RememberedLinkRow
    async with run.sessions() as session:
        rows = await session.scalars(
            select(row).where(row.application_no == run.application_no).order_by(row.office_no)
        )
        return list(rows)


async def imported_until(run: DemoRun, number: int, service: str) -> date:
    """Up to which day a service was imported before. Raises `ValueError` if that is not known."""
    days = (row.last_imported_on for row in await remembered(run) if (row.office_no, row.service) == (number, service))
    [day] = filter(None, days)
    return day
