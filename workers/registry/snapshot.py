"""The part of the registry that some rows of a file are about: read in a handful of queries, changed in memory."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeVar

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

_KEYS: Mapping[type[Base], tuple[str, ...]] = {
    YayoiIdRow: ("yayoi_id",),
    BusinessGroupRow: ("group_id",),
    GroupMemberRow: ("person",),
    ExistingContractRow: ("contract_id",),
    OfficeRow: ("office_token",),
    SharingRow: ("office_token", "firm"),
    ServiceLinkRow: ("office_token", "kind", "service"),
    OperatorRow: ("name",),
}
"""By what each kind of row is known to a file; every kind comes after those it refers to."""

_CALLED: Mapping[type[Base], tuple[str, str]] = {
    YayoiIdRow: ("弥生ID", "yayoi_id"),
    ExistingContractRow: ("契約", "contract"),
    OfficeRow: ("事業所データ", "office"),
}
"""What people call it, and `record` of a file."""

_Row = TypeVar("_Row", bound=Base)
_Value = TypeVar("_Value")


class Refusal(Exception):  # noqa: N818 it is a row's result, not a failure
    """Why a row cannot be taken, in Japanese."""


class Snapshot:
    """What is registered, by the names that people know."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session
        self._rows: dict[type[Base], dict[tuple[Any, ...], Any]] = defaultdict(dict)
        self._group_ids: list[int] = []
        self.issued: set[str] = set()
        """Contract IDs, of those mentioned, that were issued for an application."""
        self.applied_for: set[str | None] = set()
        """Tokens, of those mentioned, that any application was made for."""

    async def read(self, names: set[str], new_groups: int) -> None:
        """Read all that is registered about these names, and lock the offices: a case may be changing one."""
        await self._session.execute(select(func.pg_advisory_xact_lock(_ONE_LOADER)))
        by_token = select(OfficeRow).where(OfficeRow.office_token.in_(names)).order_by(OfficeRow.office_token)
        offices = await self._keep(OfficeRow, by_token.with_for_update())
        for table in (YayoiIdRow, ExistingContractRow, OperatorRow):
            await self._keep(table, _known_by(table, names))
        # The open row, if there is one, comes last and is the one that is found.
        await self._keep(SharingRow, _known_by(SharingRow, names).order_by(SharingRow.ended_at))
        await self._keep(ServiceLinkRow, _known_by(ServiceLinkRow, names).order_by(ServiceLinkRow.lost_at))
        of_these = select(GroupMemberRow).join(GroupMemberRow.person).where(YayoiIdRow.yayoi_id.in_(names))
        groups = {member.group_id for member in await self._keep(GroupMemberRow, of_these)}
        await self._keep(BusinessGroupRow, _known_by(BusinessGroupRow, groups))
        same = OfficeRow.contract_id.in_(names) | OfficeRow.group_id.in_(groups)
        await self._keep(OfficeRow, select(OfficeRow).where(same))
        issued, applied_for = IssuedContractRow.contract_id, ApplicationOfficeRow.office_token
        managed_with = {office.contract_id for office in offices if office.contract_id}
        self.issued = set(await self._all(select(issued).where(issued.in_(names | managed_with))))
        self.applied_for = set(await self._all(select(applied_for).where(applied_for.in_(names))))
        # Taken ahead, so that members and offices can refer to a group before it is written.
        sequence = func.pg_get_serial_sequence(BusinessGroupRow.__tablename__, "group_id")
        taken = select(func.nextval(sequence)).select_from(func.generate_series(1, new_groups))
        self._group_ids = list(await self._all(taken))
        self._session.expunge_all()  # so that `write` alone says what is written when

    def get(self, table: type[_Row], *key: Any) -> _Row | None:
        return self._rows[table].get(key)

    def member(self, yayoi_id: str) -> GroupMemberRow | None:
        return self.get(GroupMemberRow, self.get(YayoiIdRow, yayoi_id))

    def offices(self) -> Collection[OfficeRow]:
        """All offices that are mentioned, or have a contract ID or group that is."""
        return self._rows[OfficeRow].values()

    def new_group_id(self) -> int:
        return self._group_ids.pop()

    def put(self, table: type[Base], facts: Mapping[str, Any]) -> bool:
        """Add a row, or change the one that is known by the same key. False: there was nothing to change."""
        key = tuple(facts[name] for name in _KEYS[table])
        if key not in self._rows[table]:
            self._rows[table][key] = table()
        row = self._rows[table][key]
        changed = {column: value for column, value in facts.items() if getattr(row, column) != value}
        for column, value in changed.items():
            setattr(row, column, value)
        return bool(changed)

    def join(self, yayoi_id: str, group_id: int, *, administrator: bool) -> bool:
        facts = {"person": self.get(YayoiIdRow, yayoi_id), "group_id": group_id, "administrator": administrator}
        return self.put(GroupMemberRow, facts)

    def require(self, table: type[Base], name: str, column: str) -> None:
        """Raise `Refusal` if nothing is known by the name in the column."""
        if (name,) not in self._rows[table]:
            called, kind = _CALLED[table]
            raise _not_there(column, f"{called} {name} ", f"{called}（{kind}）")

    def group_administered_by(self, yayoi_id: str) -> int:
        member = self.member(yayoi_id)
        if member is None or not member.administrator:
            what = f"弥生ID {yayoi_id} が管理する事業グループ"
            raise _not_there("group", what, "事業グループ（business_group）")
        return member.group_id

    async def write(self) -> None:
        """Write what has changed, each kind of row after those it refers to."""
        for table in _KEYS:
            self._session.add_all(self._rows[table].values())
            await self._session.flush()

    async def _keep(self, table: type[_Row], query: Select[_Row]) -> Sequence[_Row]:
        rows = await self._all(query)
        self._rows[table] |= {tuple(getattr(row, name) for name in _KEYS[table]): row for row in rows}
        return rows

    async def _all(self, query: Select[_Value]) -> Sequence[_Value]:
        return (await self._session.scalars(query)).all()


def _known_by(table: type[_Row], names: Collection[Any]) -> Select[_Row]:
    return select(table).where(getattr(table, _KEYS[table][0]).in_(names))


def _not_there(column: str, what: str, kind: str) -> Refusal:
    return Refusal(f"{column}: {what}が登録されていません。{kind}の行を、この行より前に書いてください。")
