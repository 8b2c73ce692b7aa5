"""Bringing some rows of a registry file into the registry, in one transaction.

A row may refer to what the registry holds and to any row before it. What cases have done is theirs: a file never
changes a freeze, a count of issued IDs, an issued ID, a sharing that has ended, a link that was lost or made again, or
the contract ID and group that an office was given.
"""

from collections.abc import Iterable, Sequence
from enum import Enum, auto
from typing import Any, assert_never

from sqlalchemy.ext.asyncio import AsyncSession

from models.tables import (
    Base,
    ExistingContractRow,
    GroupMemberRow,
    OfficeRow,
    OperatorRow,
    ServiceLinkRow,
    SharingRow,
    YayoiIdRow,
)
from workers.registry_records import (
    AnyRecord,
    BusinessGroupRecord,
    ContractRecord,
    LinkRecord,
    MemberRecord,
    OfficeRecord,
    OperatorRecord,
    SharingRecord,
    YayoiIdRecord,
)
from workers.registry_snapshot import Snapshot


class Effect(Enum):
    """What a row did."""

    LOADED = auto()
    UNCHANGED = auto()


class Refusal(Exception):  # noqa: N818 it is the answer to a row, not a failure
    """Why a row cannot be taken, in Japanese."""


async def apply_rows(session: AsyncSession, records: Iterable[AnyRecord]) -> list[Effect | Refusal]:
    """Bring `records` into the registry, in their order; the caller commits. One answer for each."""
    records = list(records)
    registry = Snapshot(session)
    with session.no_autoflush:
        await registry.read(*_mentioned(records))
        batch = _Batch(registry)
        answers = [batch.answer(record) for record in records]
        await registry.write()
    return answers


def _mentioned(records: Sequence[AnyRecord]) -> tuple[set[str], set[str], set[str], set[str], int]:
    """Yayoi IDs, tokens, contract IDs and operators that the rows name, and how many groups they may add."""
    names: dict[str, set[str]] = {"id": set(), "token": set(), "contract": set()}
    operators = {record.name for record in records if isinstance(record, OperatorRecord)}
    kinds = {
        "yayoi_id": "id",
        "administrator": "id",
        "group": "id",
        "office_token": "token",
        "contract_id": "contract",
        "existing_contract_id": "contract",
    }
    new_groups = 0
    for record in records:
        new_groups += isinstance(record, BusinessGroupRecord)
        for column, kind in kinds.items():
            if isinstance(value := getattr(record, column, None), str):
                names[kind].add(str(value))
    return names["id"], names["token"], names["contract"], operators, new_groups


def _update(row: Base, facts: dict[str, Any]) -> Effect:
    changed = {column: value for column, value in facts.items() if getattr(row, column) != value}
    for column, value in changed.items():
        setattr(row, column, value)
    return Effect.LOADED if changed else Effect.UNCHANGED


class _Batch:
    """The rules by which a row is taken or refused."""

    def __init__(self, registry: Snapshot) -> None:
        self._registry = registry

    def answer(self, record: AnyRecord) -> Effect | Refusal:
        try:
            return self._apply(record)
        except Refusal as refusal:
            return refusal

    def _apply(self, record: AnyRecord) -> Effect:
        """Raise `Refusal`, and then nothing has changed."""
        match record:
            case YayoiIdRecord():
                return self._yayoi_id(record)
            case BusinessGroupRecord():
                return self._business_group(record)
            case MemberRecord():
                return self._member(record)
            case ContractRecord():
                return self._contract(record)
            case OfficeRecord():
                return self._office(record)
            case SharingRecord():
                return self._sharing(record)
            case LinkRecord():
                return self._link(record)
            case OperatorRecord():
                return self._operator(record)
            case _:
                assert_never(record)

    # --- one kind of record each -------------------------------------------------------------------------------------

    def _yayoi_id(self, record: YayoiIdRecord) -> Effect:
        names = {"family_name": record.family_name, "given_name": record.given_name}
        if row := self._registry.yayoi_ids.get(record.yayoi_id):
            return _update(row, names)
        self._registry.yayoi_ids[record.yayoi_id] = self._registry.add(
            YayoiIdRow(yayoi_id=str(record.yayoi_id), **names)
        )
        return Effect.LOADED

    def _business_group(self, record: BusinessGroupRecord) -> Effect:
        self._require_yayoi_id(record.administrator, "administrator")
        if member := self._registry.members.get(record.administrator):
            if not member.administrator:
                raise Refusal(
                    f"administrator: 弥生ID {record.administrator} は別の事業グループの利用者です。"
                    "弥生ID は 1 つの事業グループにだけ参加できます。"
                )
            return _update(self._registry.groups[member.group_id], {"name": record.name})
        group = self._registry.add_group(record.name)
        self._join(record.administrator, group.group_id, administrator=True)
        return Effect.LOADED

    def _member(self, record: MemberRecord) -> Effect:
        self._require_yayoi_id(record.yayoi_id, "yayoi_id")
        group_id = self._group_administered_by(record.group)
        if record.yayoi_id == record.group and not record.administrator:
            raise Refusal("administrator: group に書いた弥生ID は、その事業グループの管理者である必要があります。")
        member = self._registry.members.get(record.yayoi_id)
        if member is None:
            self._join(record.yayoi_id, group_id, administrator=record.administrator)
            return Effect.LOADED
        if member.group_id != group_id:
            raise Refusal(
                f"yayoi_id: 弥生ID {record.yayoi_id} は別の事業グループに参加しています。"
                "弥生ID は 1 つの事業グループにだけ参加できます。"
            )
        return _update(member, {"administrator": record.administrator})

    def _contract(self, record: ContractRecord) -> Effect:
        if record.contract_id in self._registry.issued:
            raise Refusal(
                f"contract_id: {record.contract_id} は複数事業所データ管理用に発行済みのサービス契約IDです。"
                "お客様が元からお持ちのサービス契約IDを指定してください。"
            )
        facts = record.model_dump(mode="json", exclude={"record", "note", "contract_id"})
        if row := self._registry.contracts.get(record.contract_id):
            return _update(row, facts)
        self._registry.contracts[record.contract_id] = self._registry.add(
            ExistingContractRow(contract_id=str(record.contract_id), **facts)
        )
        return Effect.LOADED

    def _office(self, record: OfficeRecord) -> Effect:
        if record.existing_contract_id not in self._registry.contracts:
            raise Refusal(
                f"existing_contract_id: 契約 {record.existing_contract_id} が登録されていません。"
                "契約（contract）の行を、この行より前に書いてください。"
            )
        group_id = self._group_administered_by(record.group) if record.group else None
        row = self._registry.offices.get(record.office_token)
        facts: dict[str, Any] = {"name": record.name, "existing_contract_id": str(record.existing_contract_id)}
        if row is None or row.contract_id not in self._registry.issued:
            self._check_one_to_one(record, group_id)
            facts |= {"contract_id": record.contract_id and str(record.contract_id), "group_id": group_id}
        if row is None:
            row = self._registry.offices[record.office_token] = self._registry.add(
                OfficeRow(office_token=str(record.office_token), **facts)
            )
            self._registry.tie(row)
            return Effect.LOADED
        if (
            row.existing_contract_id != record.existing_contract_id
            and record.office_token in self._registry.applied_for
        ):
            raise Refusal(
                "existing_contract_id: この事業所データには複数事業所データ管理の申込があるため、"
                f"契約 {row.existing_contract_id} から変更できません。"
            )
        self._registry.untie(row)
        effect = _update(row, facts)
        self._registry.tie(row)
        return effect

    def _sharing(self, record: SharingRecord) -> Effect:
        self._require_office(record.office_token)
        key = (str(record.office_token), record.firm)
        if key in self._registry.sharings:
            return Effect.UNCHANGED  # open already, or ended, which is not a file's to undo
        self._registry.sharings[key] = self._registry.add(SharingRow(office_token=key[0], firm=key[1]))
        return Effect.LOADED

    def _link(self, record: LinkRecord) -> Effect:
        self._require_office(record.office_token)
        key = (str(record.office_token), str(record.kind), record.service)
        facts = {"last_imported_on": record.last_imported_on, "settings": record.settings}
        row = self._registry.links.get(key)
        if row is None:
            token, kind, service = key
            self._registry.links[key] = self._registry.add(
                ServiceLinkRow(office_token=token, kind=kind, service=service, **facts)
            )
            return Effect.LOADED
        if row.lost_at is not None or row.first_covered_on is not None:
            return Effect.UNCHANGED  # lost, or made again, by a case
        return _update(row, facts)

    def _operator(self, record: OperatorRecord) -> Effect:
        facts = record.model_dump(exclude={"record", "note", "name"}) | {"mail_address": str(record.mail_address)}
        if row := self._registry.operators.get(record.name):
            return _update(row, facts)
        self._registry.operators[record.name] = self._registry.add(OperatorRow(name=record.name, **facts))
        return Effect.LOADED

    # --- what rows refer to ------------------------------------------------------------------------------------------

    def _require_yayoi_id(self, yayoi_id: str, column: str) -> None:
        if yayoi_id not in self._registry.yayoi_ids:
            raise Refusal(
                f"{column}: 弥生ID {yayoi_id} が登録されていません。"
                "弥生ID（yayoi_id）の行を、この行より前に書いてください。"
            )

    def _require_office(self, token: str) -> None:
        if token not in self._registry.offices:
            raise Refusal(
                f"office_token: 事業所データ {token} が登録されていません。"
                "事業所データ（office）の行を、この行より前に書いてください。"
            )

    def _group_administered_by(self, yayoi_id: str) -> int:
        member = self._registry.members.get(yayoi_id)
        if member is None or not member.administrator:
            raise Refusal(
                f"group: 弥生ID {yayoi_id} が管理する事業グループが登録されていません。"
                "事業グループ（business_group）の行を、この行より前に書いてください。"
            )
        return member.group_id

    def _check_one_to_one(self, record: OfficeRecord, group_id: int | None) -> None:
        """Office data, contract ID and business group go together one to one (Y1)."""
        token = record.office_token
        if record.contract_id in self._registry.issued:
            raise Refusal(
                f"contract_id: {record.contract_id} は申込により発行されたサービス契約IDです。"
                "申込の手続きの中でだけ事業所データに付けられます。"
            )
        if record.contract_id and self._registry.office_of_contract_id.get(record.contract_id, token) != token:
            raise Refusal(f"contract_id: {record.contract_id} は別の事業所データで使われています（1 対 1 です）。")
        if group_id is not None and self._registry.office_of_group.get(group_id, token) != token:
            raise Refusal(f"group: {record.group} の事業グループは別の事業所データで使われています（1 対 1 です）。")

    def _join(self, yayoi_id: str, group_id: int, *, administrator: bool) -> None:
        self._registry.members[yayoi_id] = self._registry.add(
            GroupMemberRow(person=self._registry.yayoi_ids[yayoi_id], group_id=group_id, administrator=administrator)
        )
