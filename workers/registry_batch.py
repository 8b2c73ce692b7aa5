"""Bringing some rows of a registry file into the registry, in one transaction.

A row may refer to what the registry holds and to any row before it. What cases have done is theirs: a file never
changes a freeze, a count of issued IDs, an issued ID, a sharing that has ended, a link that was lost or made again, or
the contract ID and group that an office was given.
"""

from collections.abc import Sequence
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from models.identifiers import Identifier, OfficeToken, YayoiId
from models.tables import (
    BusinessGroupRow,
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

_ONE_GROUP = "弥生ID は 1 つの事業グループにだけ参加できます。"

_Referred = TypeVar("_Referred")


class Refusal(Exception):  # noqa: N818 it is the answer to a row, not a failure
    """Why a row cannot be taken, in Japanese."""


async def apply_rows(session: AsyncSession, rows: Sequence[AnyRecord | str]) -> list[bool | str]:
    """Bring rows into the registry, in their order; the caller commits.

    The answer to each is whether it changed anything, or the reason why it is refused: a row that could not be read is
    its reason itself.
    """
    records = [row for row in rows if not isinstance(row, str)]
    names = {str(value) for record in records for _, value in record if isinstance(value, Identifier)}
    names |= {record.name for record in records if isinstance(record, OperatorRecord)}
    registry = Snapshot(session)
    await registry.read(names, sum(isinstance(record, BusinessGroupRecord) for record in records))
    answers = [row if isinstance(row, str) else _answer(registry, row) for row in rows]
    await registry.write()
    return answers


def _answer(registry: Snapshot, record: AnyRecord) -> bool | str:
    try:
        return _apply(registry, record)
    except Refusal as refusal:
        return str(refusal)


def _apply(registry: Snapshot, record: AnyRecord) -> bool:
    """Return whether anything has changed. Raises `Refusal`, and then nothing has."""
    match record:
        case YayoiIdRecord():
            return registry.put(YayoiIdRow, record.facts)
        case BusinessGroupRecord():
            return _business_group(registry, record)
        case MemberRecord():
            return _member(registry, record)
        case ContractRecord():
            return _contract(registry, record)
        case OfficeRecord():
            return _office(registry, record)
        case SharingRecord():
            _require_office(registry, record.office_token)
            known = registry.get(SharingRow, record.office_token, record.firm)
            # Open already, or ended, which is not a file's to undo.
            return known is None and registry.put(SharingRow, record.facts)
        case LinkRecord():
            _require_office(registry, record.office_token)
            row = registry.get(ServiceLinkRow, record.office_token, record.kind, record.service)
            by_a_case = row is not None and (row.lost_at is not None or row.first_covered_on is not None)
            return not by_a_case and registry.put(ServiceLinkRow, record.facts)
        case OperatorRecord():
            return registry.put(OperatorRow, record.facts)


def _business_group(registry: Snapshot, record: BusinessGroupRecord) -> bool:
    _require_yayoi_id(registry, record.administrator, "administrator")
    member = registry.get(GroupMemberRow, record.administrator)
    if member is not None and not member.administrator:
        raise Refusal(f"administrator: 弥生ID {record.administrator} は別の事業グループの利用者です。{_ONE_GROUP}")
    group_id = member.group_id if member else registry.new_group_id()
    _join(registry, record.administrator, group_id, administrator=True)
    return registry.put(BusinessGroupRow, {"group_id": group_id, "name": record.name})


def _member(registry: Snapshot, record: MemberRecord) -> bool:
    _require_yayoi_id(registry, record.yayoi_id, "yayoi_id")
    group_id = _group_administered_by(registry, record.group)
    if record.yayoi_id == record.group and not record.administrator:
        raise Refusal("administrator: group に書いた弥生ID は、その事業グループの管理者である必要があります。")
    member = registry.get(GroupMemberRow, record.yayoi_id)
    if member is not None and member.group_id != group_id:
        raise Refusal(f"yayoi_id: 弥生ID {record.yayoi_id} は別の事業グループに参加しています。{_ONE_GROUP}")
    return _join(registry, record.yayoi_id, group_id, administrator=record.administrator)


def _join(registry: Snapshot, yayoi_id: YayoiId, group_id: int, *, administrator: bool) -> bool:
    facts = {"yayoi_id": str(yayoi_id), "group_id": group_id, "administrator": administrator}
    return registry.put(GroupMemberRow, facts)


def _contract(registry: Snapshot, record: ContractRecord) -> bool:
    if record.contract_id in registry.issued:
        raise Refusal(
            f"contract_id: {record.contract_id} は複数事業所データ管理用に発行済みのサービス契約IDです。"
            "お客様が元からお持ちのサービス契約IDを指定してください。"
        )
    return registry.put(ExistingContractRow, record.facts)


def _office(registry: Snapshot, record: OfficeRecord) -> bool:
    contract = registry.get(ExistingContractRow, record.existing_contract_id)
    _require(contract, "existing_contract_id", f"契約 {record.existing_contract_id} ", "契約（contract）")
    facts = record.facts
    facts["group_id"] = _group_administered_by(registry, record.group) if record.group else None
    del facts["group"]
    row = registry.get(OfficeRow, record.office_token)
    if row is not None and row.contract_id in registry.issued:
        del facts["contract_id"], facts["group_id"]  # given by a case
    else:
        _check_one_to_one(registry, record, facts["group_id"])
    if (
        row is not None
        and row.existing_contract_id != record.existing_contract_id
        and record.office_token in registry.applied_for
    ):
        raise Refusal(
            "existing_contract_id: この事業所データには複数事業所データ管理の申込があるため、"
            f"契約 {row.existing_contract_id} から変更できません。"
        )
    return registry.put(OfficeRow, facts)


def _check_one_to_one(registry: Snapshot, record: OfficeRecord, group_id: int | None) -> None:
    """Office data, contract ID and business group go together one to one (Y1)."""
    if record.contract_id in registry.issued:
        raise Refusal(
            f"contract_id: {record.contract_id} は申込により発行されたサービス契約IDです。"
            "申込の手続きの中でだけ事業所データに付けられます。"
        )
    others = [office for office in registry.offices() if office.office_token != record.office_token]
    if record.contract_id and any(office.contract_id == record.contract_id for office in others):
        raise Refusal(f"contract_id: {record.contract_id} は別の事業所データで使われています（1 対 1 です）。")
    if group_id is not None and any(office.group_id == group_id for office in others):
        raise Refusal(f"group: {record.group} の事業グループは別の事業所データで使われています（1 対 1 です）。")


# --- what rows refer to -----------------------------------------------------------------------------------------------


def _require(row: _Referred | None, column: str, what: str, kind: str) -> _Referred:
    if row is None:
        raise Refusal(f"{column}: {what}が登録されていません。{kind}の行を、この行より前に書いてください。")
    return row


def _require_yayoi_id(registry: Snapshot, yayoi_id: YayoiId, column: str) -> None:
    _require(registry.get(YayoiIdRow, yayoi_id), column, f"弥生ID {yayoi_id} ", "弥生ID（yayoi_id）")


def _require_office(registry: Snapshot, token: OfficeToken) -> None:
    _require(registry.get(OfficeRow, token), "office_token", f"事業所データ {token} ", "事業所データ（office）")


def _group_administered_by(registry: Snapshot, yayoi_id: YayoiId) -> int:
    member = registry.get(GroupMemberRow, yayoi_id)
    administrator = member if member and member.administrator else None
    what = f"弥生ID {yayoi_id} が管理する事業グループ"
    return _require(administrator, "group", what, "事業グループ（business_group）").group_id
