"""Reading the combination ledger (Y22) from the registry and the cases."""

from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import exists, select

from models.common.store.sessions import DatabaseSession, DatabaseSessions
from models.tables import (
    ApplicationOfficeRow,
    ApplicationRow,
    BusinessGroupRow,
    GroupMemberRow,
    HolderConfirmationRow,
    IssuedContractRow,
    OfficeRow,
    YayoiIdRow,
)
from models.yayoi.combination_ledger import LedgerEntry, Reader, visible
from models.yayoi.holder_confirmation import ConfirmationOutcome


async def ledger_of(sessions: DatabaseSessions, yayoi_id: str) -> list[LedgerEntry]:
    """Return what the ID may see: its own part, or all, of every contract it has to do with."""
    async with sessions() as session:
        reader, entries = await ledger_for(session, yayoi_id)
    return visible(entries, reader)


async def ledger_for(session: DatabaseSession, yayoi_id: str) -> tuple[Reader, list[LedgerEntry]]:
    """Return who reads, and all of every contract that the ID has to do with: `visible` says what of it it may see."""
    member = await session.scalar(GroupMemberRow.of(yayoi_id))
    reader = Reader(yayoi_id, member.group_id if member else None, member is not None and member.administrator)
    return reader, await _entries_of(session, await _contracts_of(session, reader))


async def ledger_of_application(
    sessions: DatabaseSessions, application: ApplicationRow, pairs: Iterable[ApplicationOfficeRow]
) -> list[LedgerEntry]:
    """Return these pairs of the application and nothing else on its contract.

    Applying with a contract's number does not prove to be its customer.
    """
    own = {(pair.yayoi_id, pair.office_token) for pair in pairs if pair.office_token}
    async with sessions() as session:
        entries = await _entries_of(session, {application.existing_contract_id}, application.application_no)
    return [
        entry
        for entry in entries
        if entry.application_no == application.application_no or (entry.yayoi_id, entry.office_token) in own
    ]


async def _entries_of(
    session: DatabaseSession, contracts: Collection[str], own_application: str = ""
) -> list[LedgerEntry]:
    """Return every office that is managed on these existing contracts, and every pair that is applied for."""
    offices = await _offices(session, contracts)
    issued = await _issued(session, contracts)
    waiting = await _open_pairs(session, contracts, own_application)
    return [
        *await _of_offices(session, offices, issued, waiting),
        *await _without_office(session, issued, managed={office.contract_id for office, _ in offices}),
        *_not_issued_yet(waiting, issued),
    ]


async def _offices(session: DatabaseSession, contracts: Collection[str]) -> list[tuple[OfficeRow, str | None]]:
    """Return every office with the name of its group."""
    rows = await session.execute(
        select(OfficeRow, BusinessGroupRow.name)
        .outerjoin(BusinessGroupRow, BusinessGroupRow.group_id == OfficeRow.group_id)
        .where(OfficeRow.existing_contract_id.in_(contracts))
        .order_by(OfficeRow.existing_contract_id, OfficeRow.name, OfficeRow.office_token)
    )
    return [(office, group) for office, group in rows]


async def _issued(session: DatabaseSession, contracts: Collection[str]) -> list[tuple[IssuedContractRow, str]]:
    """Return every contract ID that was not revoked, with the name of the office it was applied for with."""
    pair, contract = ApplicationOfficeRow, IssuedContractRow
    rows = await session.execute(
        select(contract, pair.office_name)
        .join(pair, (pair.application_no == contract.application_no) & (pair.office_no == contract.office_no))
        .where(contract.existing_contract_id.in_(contracts), contract.revoked_at.is_(None))
        .order_by(contract.existing_contract_id, contract.number)
    )
    return [(issued, name) for issued, name in rows]


async def _open_pairs(
    session: DatabaseSession, contracts: Collection[str], own: str
) -> list[tuple[ApplicationOfficeRow, str]]:
    """Return every pair whose procedure is open, with the existing contract it is applied for on.

    What waits for the contract's holder may be anybody's: it is skipped, but for whoever holds its own link (Y5a).
    """
    pair = ApplicationOfficeRow
    unconfirmed = exists().where(
        HolderConfirmationRow.application_no == pair.application_no,
        HolderConfirmationRow.office_no == pair.office_no,
        HolderConfirmationRow.settled_as.is_distinct_from(ConfirmationOutcome.CONFIRMED),
        HolderConfirmationRow.settled_as.is_distinct_from(ConfirmationOutcome.TOKEN_SHOWN),
        HolderConfirmationRow.application_no != own,
    )
    rows = await session.execute(
        select(pair, ApplicationRow.existing_contract_id)
        .join(ApplicationRow, ApplicationRow.application_no == pair.application_no)
        .where(ApplicationRow.existing_contract_id.in_(contracts), pair.closed_at.is_(None), ~unconfirmed)
        .order_by(pair.application_no, pair.office_no)
    )
    return [(applied, contract) for applied, contract in rows]


async def _of_offices(
    session: DatabaseSession,
    offices: Sequence[tuple[OfficeRow, str | None]],
    issued: Sequence[tuple[IssuedContractRow, str]],
    waiting: Sequence[tuple[ApplicationOfficeRow, str]],
) -> list[LedgerEntry]:
    """An office's Yayoi ID is whom its contract ID was issued to, who applies for it, or its group's administrator."""
    holder = {contract.contract_id: contract.yayoi_id for contract, _ in issued}
    applied = {pair.office_token: pair.yayoi_id for pair, _ in waiting if pair.holds_token}
    administrators = await _administrators(session, {office.group_id for office, _ in offices if office.group_id})
    return [
        LedgerEntry(
            existing_contract_id=office.existing_contract_id,
            office_name=office.name,
            group_id=office.group_id,
            group_name=group_name,
            yayoi_id=holder.get(office.contract_id or "")
            or applied.get(office.office_token)
            or administrators.get(office.group_id or 0),
            contract_id=office.contract_id,
            office_token=office.office_token,
        )
        for office, group_name in offices
    ]


async def _without_office(
    session: DatabaseSession, issued: Sequence[tuple[IssuedContractRow, str]], *, managed: Collection[str | None]
) -> list[LedgerEntry]:
    """Return the pairs without the accounting link: the registry has no office of theirs."""
    groups = await _groups_of(session, {contract.yayoi_id for contract, _ in issued})

    def entry(contract: IssuedContractRow, name: str) -> LedgerEntry:
        group_id, group_name = groups.get(contract.yayoi_id, (None, None))
        return LedgerEntry(
            existing_contract_id=contract.existing_contract_id,
            office_name=name,
            group_id=group_id,
            group_name=group_name,
            yayoi_id=contract.yayoi_id,
            contract_id=contract.contract_id,
            application_no=contract.application_no,
        )

    return [entry(contract, name) for contract, name in issued if contract.contract_id not in managed]


def _not_issued_yet(
    waiting: Sequence[tuple[ApplicationOfficeRow, str]], issued: Sequence[tuple[IssuedContractRow, str]]
) -> list[LedgerEntry]:
    """Return the pairs without the accounting link whose contract ID is not issued yet.

    They show no group: whoever applies may type any ID, and would learn here which group it is in (Y3).
    """
    done = {(contract.application_no, contract.office_no) for contract, _ in issued}
    return [
        LedgerEntry(contract, pair.office_name, yayoi_id=pair.yayoi_id, application_no=pair.application_no)
        for pair, contract in waiting
        if pair.office_token is None and (pair.application_no, pair.office_no) not in done
    ]


async def _contracts_of(session: DatabaseSession, reader: Reader) -> set[str]:
    """Return the existing contracts of the offices, contract IDs and open applications of the ID or its group."""
    members = (
        select(YayoiIdRow.yayoi_id)
        .join(GroupMemberRow, GroupMemberRow.person_id == YayoiIdRow.person_id)
        .where(GroupMemberRow.group_id == reader.group_id)
    )
    mine = IssuedContractRow.yayoi_id == reader.yayoi_id
    issued = select(IssuedContractRow.existing_contract_id).where(
        mine | IssuedContractRow.yayoi_id.in_(members), IssuedContractRow.revoked_at.is_(None)
    )
    applied = (
        select(ApplicationRow.existing_contract_id)
        .join(ApplicationOfficeRow, ApplicationOfficeRow.application_no == ApplicationRow.application_no)
        .where(ApplicationOfficeRow.yayoi_id == reader.yayoi_id, ApplicationOfficeRow.holds_id)
    )
    kept = select(OfficeRow.existing_contract_id).where(
        OfficeRow.group_id == reader.group_id, OfficeRow.group_id.is_not(None)
    )
    return set(await session.scalars(issued.union(applied, kept)))


async def _administrators(session: DatabaseSession, groups: Collection[int]) -> dict[int, str]:
    rows = await session.execute(
        select(GroupMemberRow.group_id, YayoiIdRow.yayoi_id)
        .join(GroupMemberRow.person)
        .where(GroupMemberRow.group_id.in_(groups), GroupMemberRow.administrator)
        .order_by(YayoiIdRow.yayoi_id.desc())
    )
    return {group_id: yayoi_id for group_id, yayoi_id in rows}  # noqa: C416 rows are no pairs to the type checker


async def _groups_of(session: DatabaseSession, ids: Collection[str]) -> dict[str, tuple[int, str]]:
    rows = await session.execute(
        select(YayoiIdRow.yayoi_id, BusinessGroupRow.group_id, BusinessGroupRow.name)
        .join(GroupMemberRow, GroupMemberRow.person_id == YayoiIdRow.person_id)
        .join(BusinessGroupRow, BusinessGroupRow.group_id == GroupMemberRow.group_id)
        .where(YayoiIdRow.yayoi_id.in_(ids))
    )
    return {yayoi_id: (group_id, name) for yayoi_id, group_id, name in rows}
