"""The part of the registry that some rows of a file mention: read in a handful of queries, changed in memory."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import ARRAY, Select, String, func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload, selectinload

from models import tables

_ONE_LOADER = 0x7E75_7A75
"""Advisory lock: two files that are loaded at once take turns, batch by batch."""

_KEYS: Mapping[type[tables.Base], tuple[str, ...]] = {
    tables.YayoiIdRow: ("yayoi_id",),
    tables.GroupMemberRow: ("person",),
    tables.ExistingContractRow: ("contract_id",),
    tables.OfficeRow: ("office_token",),
    tables.SharingRow: ("office_token", "firm"),
    tables.ServiceLinkRow: ("office_token", "kind", "service"),
    tables.OperatorRow: ("handle",),
    tables.IssuedContractRow: ("contract_id",),
    tables.ApplicationOfficeRow: ("office_token",),
}
"""By what a file knows each kind of row. Every kind comes after those it refers to."""

_CALLED: Mapping[type[tables.Base], tuple[str, str]] = {
    tables.YayoiIdRow: ("弥生ID", "yayoi_id"),
    tables.ExistingContractRow: ("契約", "contract"),
    tables.OfficeRow: ("事業所データ", "office"),
}
"""What people call it, and `record` of a file."""

_Row = TypeVar("_Row", bound=tables.Base)


class Refusal(Exception):  # noqa: N818 it is a row's result, not a failure
    """Why a row cannot be taken, in Japanese."""


class Snapshot:
    """What is registered, by the names that people know."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session
        self._rows: dict[type[tables.Base], dict[tuple[Any, ...], Any]] = defaultdict(dict)
        self._known_contract_ids: set[str] = set()
        self._new_contract_ids: set[str] = set()

    async def read(self, names: set[str]) -> None:
        """Read all that is registered about these names, and lock the offices: a case may be changing one."""
        await self._session.execute(select(func.pg_advisory_xact_lock(_ONE_LOADER)))
        office, member = tables.OfficeRow, tables.GroupMemberRow
        by_token = _known_by(office, names).order_by(office.office_token).with_for_update()
        managed_with = {row.contract_id for row in await self._keep(by_token.options(selectinload(office.group)))}
        persons = _known_by(tables.YayoiIdRow, names).with_only_columns(tables.YayoiIdRow.person_id)
        members = select(member).where(member.person_id.in_(persons)).options(joinedload(member.group))
        groups = {row.group_id for row in await self._keep(members)}
        for same in (office.contract_id.in_(_each_of(names)), office.group_id.in_(groups)):
            await self._keep(select(office).where(same).options(selectinload(office.group)))
        names = names | {contract_id for contract_id in managed_with if contract_id}
        for table in _KEYS.keys() - {tables.GroupMemberRow, tables.OfficeRow, tables.ServiceLinkRow}:
            await self._keep(_known_by(table, names))
        await self._keep(select(tables.OperatorRow).where(tables.OperatorRow.name.in_(_each_of(names))))
        # The open row, if there is one, comes last and is the one that is found.
        await self._keep(_known_by(tables.ServiceLinkRow, names).order_by(tables.ServiceLinkRow.lost_at))
        self._known_contract_ids = self._contract_ids()
        self._session.expunge_all()  # so that `write` alone says what is written when

    def get(self, table: type[_Row], *key: Any) -> _Row | None:
        return self._rows[table].get(key)

    def required(self, table: type[_Row], column: str, name: str) -> _Row:
        """Return the row of this name. Raises `Refusal`, which names the column, if there is none."""
        row = self.get(table, name)
        if row is None:
            called, kind = _CALLED[table]
            raise _not_there(column, f"{called} {name} ", f"{called}（{kind}）")
        return row

    def group_administered_by(self, yayoi_id: str) -> tables.BusinessGroupRow:
        member = self.get(tables.GroupMemberRow, self.get(tables.YayoiIdRow, yayoi_id))
        if member is None or not member.administrator:
            raise _not_there("group", f"弥生ID {yayoi_id} が管理する事業グループ", "事業グループ（business_group）")
        return member.group

    def offices(self) -> Collection[tables.OfficeRow]:
        """All offices that are mentioned, or have a contract ID or group that is."""
        return self._rows[tables.OfficeRow].values()

    def operators(self) -> Collection[tables.OperatorRow]:
        """All operators of whom the handle or the name is mentioned."""
        return self._rows[tables.OperatorRow].values()

    def put(self, table: type[tables.Base], facts: Mapping[str, Any]) -> bool:
        """Add a row, or change the one that is known by the same key. False: there was nothing to change."""
        key = tuple(facts[name] for name in _KEYS[table])
        return change(self._rows[table].setdefault(key, table()), facts)

    def new_contract_ids(self) -> set[str]:
        """Return the contract IDs that were written and not known before."""
        return self._new_contract_ids

    async def write(self) -> None:
        """Write what has changed, each kind of row after those it refers to."""
        self._new_contract_ids = self._contract_ids() - self._known_contract_ids
        for table in _KEYS:
            self._session.add_all(self._rows[table].values())
            await self._session.flush()

    def _contract_ids(self) -> set[str]:
        own = {row.contract_id for row in self._rows[tables.ExistingContractRow].values()}
        return own | {row.contract_id for row in self.offices() if row.contract_id}

    async def _keep(self, query: Select[_Row]) -> Sequence[_Row]:
        rows = (await self._session.scalars(query)).all()
        for row in rows:
            self._rows[type(row)][tuple(getattr(row, name) for name in _KEYS[type(row)])] = row
        return rows


def change(row: tables.Base, facts: Mapping[str, Any]) -> bool:
    """Return whether any of the facts was another."""
    changed = {column: value for column, value in facts.items() if getattr(row, column) != value}
    for column, value in changed.items():
        setattr(row, column, value)
    return bool(changed)


def _known_by(table: type[_Row], names: Collection[str]) -> Select[_Row]:
    return select(table).where(getattr(table, _KEYS[table][0]).in_(_each_of(names)))


def _each_of(names: Collection[str]) -> Select[str]:
    """One array: thousands of parameters would take longer to write down than to look up."""
    return select(func.unnest(literal(list(names), ARRAY(String))))


def _not_there(column: str, what: str, kind: str) -> Refusal:
    return Refusal(f"{column}: {what}が登録されていません。{kind}の行を、この行より前に書いてください。")
