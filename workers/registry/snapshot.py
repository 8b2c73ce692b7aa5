"""The part of the registry that some rows of a file mention: read in a handful of queries, changed in memory."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NoReturn, TypeVar

from sqlalchemy import ARRAY, ColumnElement, Select, String, any_, func, literal, select
from sqlalchemy.orm import InstrumentedAttribute, joinedload, selectinload

from models import tables
from models.common.store.sessions import DatabaseSession

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

    def __init__(self, session: DatabaseSession) -> None:
        self._session = session
        self._rows: dict[type[tables.Base], dict[tuple[Any, ...], Any]] = defaultdict(dict)

    async def read(self, names: set[str]) -> None:
        """Read all that is registered about these names, and lock the offices: a case may be changing one."""
        await self._session.execute(select(func.pg_advisory_xact_lock(_ONE_LOADER)))
        person, member, office, link = tables.YayoiIdRow, tables.GroupMemberRow, tables.OfficeRow, tables.ServiceLinkRow
        persons = select(person.person_id).where(_is_one(person.yayoi_id, names))
        members = select(member).where(member.person_id.in_(persons)).options(joinedload(member.group))
        groups = {row.group_id for row in await self._keep(members)}
        named = _is_one(office.office_token, names) | _is_one(office.contract_id, names) | office.group_id.in_(groups)
        offices = select(office).where(named).options(selectinload(office.group)).order_by(office.office_token)
        managed_with = {row.contract_id for row in await self._keep(offices.with_for_update()) if row.contract_id}
        for column in (
            person.yayoi_id,
            tables.ExistingContractRow.contract_id,
            tables.SharingRow.office_token,
            tables.OperatorRow.handle,
            tables.OperatorRow.name,
            tables.IssuedContractRow.contract_id,
            tables.ApplicationOfficeRow.office_token,
        ):
            await self._keep(select(column.class_).where(_is_one(column, names | managed_with)))
        # The open row, if there is one, comes last and is the one that is found.
        await self._keep(select(link).where(_is_one(link.office_token, names)).order_by(link.lost_at))
        self._session.expunge_all()  # so that `write` alone says what is written when

    def get(self, table: type[_Row], *key: Any) -> _Row | None:
        return self._rows[table].get(key)

    def all(self, table: type[_Row]) -> Collection[_Row]:
        """Return all rows that are mentioned; offices also by their contract ID or group, operators by their name."""
        return self._rows[table].values()

    def required(self, table: type[_Row], column: str, name: str) -> _Row:
        """Return the row of this name. Raises `Refusal`, which names the column, if there is none."""
        called, kind = _CALLED[table]
        return self.get(table, name) or _refuse(column, f"{called} {name} ", f"{called}（{kind}）")

    def group_administered_by(self, yayoi_id: str) -> tables.BusinessGroupRow:
        member = self.get(tables.GroupMemberRow, self.get(tables.YayoiIdRow, yayoi_id))
        if member and member.administrator:
            return member.group
        return _refuse("group", f"弥生ID {yayoi_id} が管理する事業グループ", "事業グループ（business_group）")

    def contract_ids(self) -> set[str]:
        """Return the contract IDs that customers have, of those that are mentioned."""
        own = {row.contract_id for row in self.all(tables.ExistingContractRow)}
        return own | {row.contract_id for row in self.all(tables.OfficeRow) if row.contract_id}

    def put(self, table: type[tables.Base], facts: Mapping[str, Any]) -> bool:
        """Add a row, or change the one that is known by the same key. False: there was nothing to change."""
        key = tuple(facts[name] for name in _KEYS[table])
        return change(self._rows[table].setdefault(key, table()), facts)

    async def write(self) -> None:
        """Write what has changed, each kind of row after those it refers to."""
        for table in _KEYS:
            self._session.add_all(self.all(table))
            await self._session.flush()

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


def _is_one(column: InstrumentedAttribute[Any], names: Collection[str]) -> ColumnElement[bool]:
    return column == any_(literal([*names], ARRAY(String)))  # one parameter, however many there are


def _refuse(column: str, what: str, kind: str) -> NoReturn:
    raise Refusal(f"{column}: {what}が登録されていません。{kind}の行を、この行より前に書いてください。")
