"""What the database holds of the application that is being played: to compare, and to show."""

from datetime import date, datetime

from sqlalchemy import select, update

from models.tables import (
    ApplicationOfficeRow,
    ApplicationRow,
    AuditRow,
    IssuedContractRow,
    OfficeRow,
    OperatorRow,
    RememberedLinkRow,
    ServiceLinkRow,
)
from models.yayoi.identifiers import OfficeToken
from workers.demo.play import Play


async def applied_at(play: Play) -> datetime:
    """When the application was taken."""
    async with play.sessions() as session:
        return (await session.get_one(ApplicationRow, play.application_no)).applied_at


async def issued(play: Play) -> dict[int, IssuedContractRow]:
    """The contract IDs, by office."""
    async with play.sessions() as session:
        rows = await session.scalars(
            select(IssuedContractRow).where(IssuedContractRow.application_no == play.application_no)
        )
        return {row.office_no: row for row in rows}


async def actions(play: Play, number: int) -> list[tuple[str, datetime]]:
    """What was done about an office, in order, and when by the case's own clock."""
    async with play.sessions() as session:
        rows = await session.scalars(
            select(AuditRow)
            .where(AuditRow.application_no == play.application_no, AuditRow.office_no == number)
            .order_by(AuditRow.audit_id)
        )
        return [(row.action, row.happened_at) for row in rows]


async def operator_of(play: Play, number: int) -> str:
    """The mail address of the operator in charge of an office."""
    async with play.sessions() as session:
        in_charge = await session.scalars(
            select(OperatorRow.mail_address)
            .join(ApplicationOfficeRow, ApplicationOfficeRow.assignee == OperatorRow.name)
            .where(ApplicationOfficeRow.application_no == play.application_no, ApplicationOfficeRow.office_no == number)
        )
        return in_charge.one()


async def import_up_to(play: Play, tokens: list[OfficeToken], day: date) -> None:
    """The last import of these offices."""
    async with play.sessions.begin() as session:
        await session.execute(
            update(ServiceLinkRow).where(ServiceLinkRow.office_token.in_(tokens)).values(last_imported_on=day)
        )


async def open_links(play: Play, token: OfficeToken) -> list[str]:
    """The services that an office is linked to."""
    async with play.sessions() as session:
        rows = await session.scalars(
            select(ServiceLinkRow.service).where(ServiceLinkRow.office_token == token, ServiceLinkRow.lost_at.is_(None))
        )
        return list(rows)


async def frozen(play: Play, tokens: list[OfficeToken]) -> list[str]:
    """The names of those offices that are frozen."""
    async with play.sessions() as session:
        rows = await session.scalars(
            select(OfficeRow.name).where(OfficeRow.office_token.in_(tokens), OfficeRow.frozen_by.is_not(None))
        )
        return list(rows)


async def remembered(play: Play) -> list[RememberedLinkRow]:
    """The links that were lost with the old contract ID."""
    async with play.sessions() as session:
        rows = await session.scalars(
            select(RememberedLinkRow)
            .where(RememberedLinkRow.application_no == play.application_no)
            .order_by(RememberedLinkRow.office_no)
        )
        return list(rows)


async def imported_until(play: Play, number: int, service: str) -> date:
    """Up to which day a service was imported before. Raises `LookupError` if that is not known."""
    for row in await remembered(play):
        if (row.office_no, row.service) == (number, service) and row.last_imported_on:
            return row.last_imported_on
    raise LookupError(service)
