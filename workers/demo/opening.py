"""What the stories have in common: a form, where the case stands in the registry, and whose it is."""

from typing import Any
from uuid import uuid4

from sqlalchemy import select

from models.tables import IssuedContractRow, OfficeRow, OperatorRow, ServiceLinkRow
from models.yayoi.identifiers import OfficeToken
from workers.demo import records
from workers.demo.play import Play

OPERATOR = "佐藤"
SUPERVISOR = "田中"


def one_office_form(names: tuple[str, str], contract_id: str, yayoi_id: str, token: str) -> dict[str, Any]:
    """A form for one office, linked, on a network product."""
    return {
        "submission_id": str(uuid4()),
        "applicant": {"family_name": names[0], "given_name": names[1]},
        "existing_contract_id": contract_id,
        "accounting_link": True,
        "network_product": True,
        "offices": [{"yayoi_id": yayoi_id, "yayoi_id_confirmation": yayoi_id, "office_token": token}],
        "consents": {"stop_smart_import": True, "relink_required": True},
    }


async def issued(play: Play) -> IssuedContractRow:
    """The contract ID of an application for one office."""
    [row] = (await records.issued(play)).values()
    return row


async def holds(play: Play, token: OfficeToken) -> tuple[str | None, str | None, list[str]]:
    """By which ID an office is managed, for whom it is frozen, and its links."""
    async with play.sessions() as session:
        office = await session.get_one(OfficeRow, token)
        links = await session.scalars(
            select(ServiceLinkRow.service)
            .where(ServiceLinkRow.office_token == token, ServiceLinkRow.lost_at.is_(None))
            .order_by(ServiceLinkRow.link_id)
        )
        return office.contract_id, office.frozen_by, list(links)


async def mail_addresses(play: Play) -> tuple[str, str]:
    """Of the operator in charge of an application for one office, and of the supervisor."""
    async with play.sessions() as session:
        supervisor = await session.get_one(OperatorRow, SUPERVISOR)
    return await records.operator_of(play, 1), supervisor.mail_address
