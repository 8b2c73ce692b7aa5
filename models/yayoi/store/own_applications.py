"""The applications that a Yayoi ID sees once it is signed in: those that its combination ledger shows (Y22)."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from models.common.store.case_status import statuses_of_parts
from models.common.store.sessions import DatabaseSession, DatabaseSessions
from models.tables import ApplicationOfficeRow, ApplicationRow, CaseStatusRow
from models.yayoi.combination_ledger import LedgerEntry, Reader, visible, whole_contracts
from models.yayoi.store.case_records import OfficeRecords, office_records
from models.yayoi.store.combinations import ledger_for
from models.yayoi.store.confirmations import unconfirmed_parts

MOST_LISTED = 50
"""Applications on the page, the newest first."""


@dataclass(frozen=True)
class ListedOffice:
    """One pair of an application as its row says."""

    pair: ApplicationOfficeRow
    status: CaseStatusRow
    records: OfficeRecords


@dataclass(frozen=True)
class ListedApplication:
    """An application, and those of its pairs that the ID may see."""

    row: ApplicationRow
    offices: Sequence[ListedOffice]


@dataclass(frozen=True)
class _Sight:
    """What an ID sees: whole contracts, or what its ledger shows of others."""

    reader: Reader
    whole: set[str]
    own: Sequence[LedgerEntry]

    @property
    def contracts(self) -> set[str]:
        return self.whole | {entry.existing_contract_id for entry in self.own}

    def has(self, application: ApplicationRow, pair: ApplicationOfficeRow) -> bool:
        """Whether the ID may see this pair: never more than its ledger shows."""
        contract = application.existing_contract_id
        if contract in self.whole:
            return True
        if contract not in self.contracts:
            return False
        return pair.yayoi_id == self.reader.yayoi_id or any(
            entry.existing_contract_id == contract and _is_of(entry, pair) for entry in self.own
        )


def _is_of(entry: LedgerEntry, pair: ApplicationOfficeRow) -> bool:
    """Whether a line of the ledger is about this pair, and not only about its office or its ID."""
    if entry.yayoi_id != pair.yayoi_id:
        return False
    return entry.application_no == pair.application_no or (
        entry.office_token is not None and entry.office_token == pair.office_token
    )


async def _sight_of(session: DatabaseSession, yayoi_id: str) -> _Sight:
    reader, entries = await ledger_for(session, yayoi_id)
    return _Sight(reader, whole_contracts(entries, reader), visible(entries, reader))


async def own_applications(sessions: DatabaseSessions, yayoi_id: str) -> list[ListedApplication]:
    """Return the applications with a pair that the ID may see: those that are open first, then the newest."""
    async with sessions() as session:
        sight = await _sight_of(session, yayoi_id)
        rows = await session.scalars(
            select(ApplicationRow)
            .where(ApplicationRow.existing_contract_id.in_(sight.contracts))
            .order_by(ApplicationRow.closed_at.is_not(None), ApplicationRow.applied_at.desc())
        )
        listed: list[ListedApplication] = []
        for row in rows.all():
            if len(listed) == MOST_LISTED:
                break
            if offices := await _seen(session, row, sight):
                listed.append(ListedApplication(row, offices))
        return listed


async def own_office(
    sessions: DatabaseSessions, yayoi_id: str, application_no: str, office_no: int
) -> tuple[ApplicationRow, ApplicationOfficeRow] | None:
    """Return the application and this pair of it; None if there is none that the ID may see."""
    async with sessions() as session:
        row = await session.get(ApplicationRow, application_no)
        if row is None:
            return None
        offices = await _seen(session, row, await _sight_of(session, yayoi_id))
    return next(((row, office.pair) for office in offices if office.pair.office_no == office_no), None)


async def _seen(session: DatabaseSession, row: ApplicationRow, sight: _Sight) -> list[ListedOffice]:
    """Return the pairs that the ID may see; none that waits for the contract's holder (Y5a)."""
    unconfirmed = await unconfirmed_parts(session, row.application_no)
    pairs = await session.scalars(
        select(ApplicationOfficeRow)
        .where(ApplicationOfficeRow.application_no == row.application_no)
        .order_by(ApplicationOfficeRow.office_no)
    )
    statuses = await statuses_of_parts(session, row.application_no)
    seen = [pair for pair in pairs if pair.office_no not in unconfirmed and sight.has(row, pair)]
    records = await office_records(session, row.application_no) if seen else {}
    return [ListedOffice(pair, statuses[pair.office_no], records.get(pair.office_no, OfficeRecords())) for pair in seen]
