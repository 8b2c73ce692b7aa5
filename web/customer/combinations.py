"""Reading the combination ledger (Y22) from the registry and the cases."""

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.combination_ledger import Entry, Reader, visible
from models.tables import (
    ApplicationOfficeRow,
    ApplicationRow,
    BusinessGroupRow,
    GroupMemberRow,
    IssuedContractRow,
    OfficeRow,
)


async def ledger_of(session: AsyncSession, yayoi_id: str) -> list[Entry]:
    """Return what the ID may see: of every contract that it has to do with, its own part or all of it."""
    member = await session.get(GroupMemberRow, yayoi_id)
    reader = Reader(yayoi_id, member.group_id if member else None, member is not None and member.administrator)
    entries = await entries_of(session, await _contracts_of(session, reader))
    return visible(entries, reader)


async def entries_of(session: AsyncSession, contracts: Collection[str]) -> list[Entry]:
    """Return everything that is managed, or on its way, on these existing contracts."""
    offices = (
        await session.execute(
            select(OfficeRow, BusinessGroupRow.name)
            .outerjoin(BusinessGroupRow, BusinessGroupRow.group_id == OfficeRow.group_id)
            .where(OfficeRow.existing_contract_id.in_(contracts))
            .order_by(OfficeRow.existing_contract_id, OfficeRow.name, OfficeRow.office_token)
        )
    ).all()
    issued = (
        await session.execute(
            select(IssuedContractRow, ApplicationOfficeRow.office_name)
            .join(
                ApplicationOfficeRow,
                (ApplicationOfficeRow.application_no == IssuedContractRow.application_no)
                & (ApplicationOfficeRow.office_no == IssuedContractRow.office_no),
            )
            .where(IssuedContractRow.existing_contract_id.in_(contracts), IssuedContractRow.revoked_at.is_(None))
            .order_by(IssuedContractRow.existing_contract_id, IssuedContractRow.number)
        )
    ).all()
    open_pairs = (
        await session.execute(
            select(ApplicationOfficeRow, ApplicationRow.existing_contract_id)
            .join(ApplicationRow, ApplicationRow.application_no == ApplicationOfficeRow.application_no)
            .where(ApplicationRow.existing_contract_id.in_(contracts), ApplicationOfficeRow.closed_at.is_(None))
            .order_by(ApplicationOfficeRow.application_no, ApplicationOfficeRow.office_no)
        )
    ).all()
    holder = {contract.contract_id: contract.yayoi_id for contract, _ in issued}
    applied = {pair.office_token: pair.yayoi_id for pair, _ in open_pairs if pair.office_token}
    administrators = await _administrators(session, {office.group_id for office, _ in offices if office.group_id})
    groups = await _groups_of(session, set(holder.values()))
    managed = {office.contract_id for office, _ in offices}
    pairs_issued = {(contract.application_no, contract.office_no) for contract, _ in issued}

    def of_office(office: OfficeRow, group_name: str | None) -> Entry:
        yayoi_id = holder.get(office.contract_id or "") or applied.get(office.office_token)
        return Entry(
            existing_contract_id=office.existing_contract_id,
            office_name=office.name,
            group_id=office.group_id,
            group_name=group_name,
            yayoi_id=yayoi_id or administrators.get(office.group_id or 0),
            contract_id=office.contract_id,
            office_token=office.office_token,
        )

    def of_issued(contract: IssuedContractRow, name: str) -> Entry:
        """A pair without the accounting link: no office of the registry stands for it."""
        group_id, group_name = groups.get(contract.yayoi_id, (None, None))
        return Entry(
            existing_contract_id=contract.existing_contract_id,
            office_name=name,
            group_id=group_id,
            group_name=group_name,
            yayoi_id=contract.yayoi_id,
            contract_id=contract.contract_id,
            application_no=contract.application_no,
        )

    without_office = [of_issued(contract, name) for contract, name in issued if contract.contract_id not in managed]
    # Whoever applies may type any ID: that it is in a group, and in which, is nothing that they are told (Y3).
    waiting = [
        Entry(contract, pair.office_name, yayoi_id=pair.yayoi_id, application_no=pair.application_no)
        for pair, contract in open_pairs
        if pair.office_token is None and (pair.application_no, pair.office_no) not in pairs_issued
    ]
    return [*(of_office(office, name) for office, name in offices), *without_office, *waiting]


async def _contracts_of(session: AsyncSession, reader: Reader) -> set[str]:
    """Return the existing contracts that the ID or its group has anything to do with."""
    members = select(GroupMemberRow.yayoi_id).where(GroupMemberRow.group_id == reader.group_id)
    mine = IssuedContractRow.yayoi_id == reader.yayoi_id
    issued = select(IssuedContractRow.existing_contract_id).where(
        mine | IssuedContractRow.yayoi_id.in_(members), IssuedContractRow.revoked_at.is_(None)
    )
    applied = (
        select(ApplicationRow.existing_contract_id)
        .join(ApplicationOfficeRow, ApplicationOfficeRow.application_no == ApplicationRow.application_no)
        .where(ApplicationOfficeRow.yayoi_id == reader.yayoi_id, ApplicationOfficeRow.closed_at.is_(None))
    )
    kept = select(OfficeRow.existing_contract_id).where(
        OfficeRow.group_id == reader.group_id, OfficeRow.group_id.is_not(None)
    )
    return set(await session.scalars(issued.union(applied, kept)))


async def _administrators(session: AsyncSession, groups: Collection[int]) -> dict[int, str]:
    rows = await session.execute(
        select(GroupMemberRow.group_id, GroupMemberRow.yayoi_id)
        .where(GroupMemberRow.group_id.in_(groups), GroupMemberRow.administrator)
        .order_by(GroupMemberRow.yayoi_id.desc())
    )
    return {group_id: yayoi_id for group_id, yayoi_id in rows}  # noqa: C416 rows are no pairs to the type checker


async def _groups_of(session: AsyncSession, ids: Collection[str]) -> dict[str, tuple[int, str]]:
    rows = await session.execute(
        select(GroupMemberRow.yayoi_id, BusinessGroupRow.group_id, BusinessGroupRow.name)
        .join(BusinessGroupRow, BusinessGroupRow.group_id == GroupMemberRow.group_id)
        .where(GroupMemberRow.yayoi_id.in_(ids))
    )
    return {yayoi_id: (group_id, name) for yayoi_id, group_id, name in rows}
