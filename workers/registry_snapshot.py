"""The part of the registry that some rows of a file are about: read in a handful of queries, changed in memory."""

from collections.abc import Sequence
from typing import TypeVar

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.tables import (
    ApplicationOfficeRow,
    Base,
    BusinessGroupRow,
    ExistingContractRow,
    GroupMemberRow,
    IssuedContractRow,
    OfficeRow,
    OperatorRow,
    ServiceLinkRow,
    SharingRow,
    YayoiIdRow,
)

_ONE_LOADER = 0x7E75_7A75
"""Advisory lock: two files that are loaded at once take turns, batch by batch."""

_AnyRow = TypeVar("_AnyRow", bound=Base)
_Value = TypeVar("_Value")


class Snapshot:
    """What is registered, by the names that people know."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session
        self._added: list[Base] = []
        self._group_ids: list[int] = []
        self.yayoi_ids: dict[str, YayoiIdRow] = {}
        self.members: dict[str, GroupMemberRow] = {}
        self.groups: dict[int, BusinessGroupRow] = {}
        self.contracts: dict[str, ExistingContractRow] = {}
        self.offices: dict[str, OfficeRow] = {}
        self.office_of_contract_id: dict[str, str] = {}
        self.office_of_group: dict[int, str] = {}
        self.sharings: dict[tuple[str, str], SharingRow] = {}
        self.links: dict[tuple[str, str, str], ServiceLinkRow] = {}
        self.operators: dict[str, OperatorRow] = {}
        self.issued: set[str] = set()
        """Contract IDs, of those mentioned, that were issued for an application."""
        self.applied_for: set[str | None] = set()
        """Tokens, of those mentioned, that any application was made for."""

    async def read(
        self, ids: set[str], tokens: set[str], contract_ids: set[str], operators: set[str], new_groups: int
    ) -> None:
        """Read all that is registered about what is mentioned, and lock the offices: a case may be changing one."""
        await self._session.execute(select(func.pg_advisory_xact_lock(_ONE_LOADER)))
        offices = select(OfficeRow).where(OfficeRow.office_token.in_(tokens)).order_by(OfficeRow.office_token)
        self.offices = {row.office_token: row for row in await self._all(offices.with_for_update())}
        mentioned = contract_ids | {row.contract_id for row in self.offices.values() if row.contract_id}
        await self._read_groups(ids, new_groups)
        await self._read_contracts(mentioned)
        await self._read_attached(tokens)
        named = select(OperatorRow).where(OperatorRow.name.in_(operators))
        self.operators = {row.name: row for row in await self._all(named)}
        same = OfficeRow.contract_id.in_(mentioned) | OfficeRow.group_id.in_(self.groups)
        for row in await self._all(select(OfficeRow).where(same)):
            self.tie(row)

    def add(self, row: _AnyRow) -> _AnyRow:
        self._added.append(row)
        return row

    def add_group(self, name: str) -> BusinessGroupRow:
        group = self.add(BusinessGroupRow(group_id=self._group_ids.pop(), name=name))
        self.groups[group.group_id] = group
        return group

    def tie(self, office: OfficeRow) -> None:
        """Remember which office a contract ID and a group belong to (Y1)."""
        if office.contract_id is not None:
            self.office_of_contract_id[office.contract_id] = office.office_token
        if office.group_id is not None:
            self.office_of_group[office.group_id] = office.office_token

    def untie(self, office: OfficeRow) -> None:
        if office.contract_id is not None:
            self.office_of_contract_id.pop(office.contract_id, None)
        if office.group_id is not None:
            self.office_of_group.pop(office.group_id, None)

    async def write(self) -> None:
        """Write what has changed, each kind of row after those it refers to."""
        for table in Base.metadata.sorted_tables:
            self._session.add_all(row for row in self._added if row.__table__ is table)
            await self._session.flush()

    async def _read_groups(self, ids: set[str], new_groups: int) -> None:
        self.yayoi_ids = {
            row.yayoi_id: row for row in await self._all(select(YayoiIdRow).where(YayoiIdRow.yayoi_id.in_(ids)))
        }
        self.members = {
            row.person.yayoi_id: row
            for row in await self._all(
                select(GroupMemberRow).join(GroupMemberRow.person).where(YayoiIdRow.yayoi_id.in_(ids))
            )
        }
        group_ids = {row.group_id for row in self.members.values()}
        groups = select(BusinessGroupRow).where(BusinessGroupRow.group_id.in_(group_ids))
        self.groups = {row.group_id: row for row in await self._all(groups)}
        if new_groups:
            # Taken ahead, so that members and offices can refer to a group before it is written.
            sequence = func.pg_get_serial_sequence(BusinessGroupRow.__tablename__, "group_id")
            taken = select(func.nextval(sequence)).select_from(func.generate_series(1, new_groups))
            self._group_ids = list(await self._all(taken))

    async def _read_contracts(self, contract_ids: set[str]) -> None:
        contracts = select(ExistingContractRow).where(ExistingContractRow.contract_id.in_(contract_ids))
        self.contracts = {row.contract_id: row for row in await self._all(contracts)}
        issued = IssuedContractRow.contract_id
        self.issued = set(await self._all(select(issued).where(issued.in_(contract_ids))))

    async def _read_attached(self, tokens: set[str]) -> None:
        token = ApplicationOfficeRow.office_token
        self.applied_for = set(await self._all(select(token).where(token.in_(tokens))))
        # The open row, if there is one, comes last and is the one that is found.
        sharings = select(SharingRow).where(SharingRow.office_token.in_(tokens)).order_by(SharingRow.ended_at)
        self.sharings = {(row.office_token, row.firm): row for row in await self._all(sharings)}
        links = select(ServiceLinkRow).where(ServiceLinkRow.office_token.in_(tokens)).order_by(ServiceLinkRow.lost_at)
        self.links = {(row.office_token, row.kind, row.service): row for row in await self._all(links)}

    async def _all(self, query: Select[_Value]) -> Sequence[_Value]:
        return (await self._session.scalars(query)).all()
