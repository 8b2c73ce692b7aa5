"""What one row of a registry file may say, and when it is taken: one model per kind of record.

A row may refer to what the registry holds and to any row before it. What cases have done is theirs: a file never
changes a freeze, a count of issued IDs, an issued ID, a sharing that has ended, a link that was lost or made again, or
the contract ID and group that an office was given.

People know no number of a business group: a file names it by the one Yayoi ID that administers it (Y1, Y3).
"""

from contextlib import suppress
from functools import partial
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    TypeAdapter,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import PydanticCustomError

from models import tables
from models.common.json_text import once_each, read_json
from models.common.message import FromOutside
from models.common.names import Line, name_of_any_width
from models.common.operators import Handle, Leave, Role
from models.common.typed_days import TypedDay
from models.yayoi.identifiers import ContractId, OfficeToken, YayoiId
from models.yayoi.service_links import LinkKind
from workers.registry.snapshot import Refusal, Snapshot, change
from workers.setting_types import split_at_commas

MAX_TEXT_LENGTH = 200
SAME_SETTING = "同じ名前の項目が 2 つあります。どちらか 1 つにしてください。"
_ONE_GROUP = "弥生ID は 1 つの事業グループにだけ参加できます。"


def _from_cell(value: Any) -> Any:
    """A CSV cell holds settings as JSON; what is no JSON is left for the model to refuse."""
    with suppress(TypeError, ValueError):
        return read_json(value, once_each)
    return value


def _none_lost(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    """Refuse names that are one when they are stored: one of their values would be dropped."""
    settings = read(value)
    if len(settings) < len(value):
        raise PydanticCustomError("refused", SAME_SETTING)
    return settings


def _askable(text: str) -> str:
    """Refuse what would end the quotes of a query: operators' lists are queried by their names."""
    if set(text) & {"'", '"', "\\"}:
        raise PydanticCustomError("refused", "引用符と \\ は使えません。")
    return text


Text = Annotated[str, AfterValidator(partial(name_of_any_width, longest=MAX_TEXT_LENGTH))]
Setting = Annotated[Line, Field(min_length=1, max_length=MAX_TEXT_LENGTH)]


class Record(FromOutside):
    """One row."""

    table: ClassVar[type[tables.Base]]
    note: str = ""
    """For the people who keep the file; never stored."""

    def apply(self, registry: Snapshot) -> bool:
        """Return whether anything has changed. Raises `Refusal`, and then nothing has."""
        return registry.put(self.table, self.facts(registry))

    def facts(self, _registry: Snapshot) -> dict[str, Any]:
        """Return what is stored, by columns, without those that a case has filled. Raises `Refusal`."""
        return self.model_dump(exclude={"record", "note"})


class YayoiIdRecord(Record):
    """A registered Yayoi ID (Y2)."""

    table = tables.YayoiIdRow
    record: Literal["yayoi_id"]
    yayoi_id: YayoiId
    family_name: Text
    given_name: Text


class BusinessGroupRecord(Record):
    """A business group, with the Yayoi ID that administers it."""

    table = tables.GroupMemberRow
    record: Literal["business_group"]
    administrator: YayoiId
    name: Text

    def apply(self, registry: Snapshot) -> bool:
        super().apply(registry)
        return change(registry.group_administered_by(self.administrator), {"name": self.name})

    def facts(self, registry: Snapshot) -> dict[str, Any]:
        person = registry.required(tables.YayoiIdRow, "administrator", self.administrator)
        member = registry.get(tables.GroupMemberRow, person)
        if member and not member.administrator:
            raise Refusal(f"administrator: 弥生ID {self.administrator} は別の事業グループの利用者です。{_ONE_GROUP}")
        return {"person": person, "group": member.group if member else tables.BusinessGroupRow(), "administrator": True}


class MemberRecord(Record):
    """A further member of the group that `group` administers (Y3, Y24)."""

    table = tables.GroupMemberRow
    record: Literal["member"]
    yayoi_id: YayoiId
    group: YayoiId
    administrator: bool

    def facts(self, registry: Snapshot) -> dict[str, Any]:
        person = registry.required(tables.YayoiIdRow, "yayoi_id", self.yayoi_id)
        group = registry.group_administered_by(self.group)
        if self.yayoi_id == self.group and not self.administrator:
            raise Refusal("administrator: group に書いた弥生ID は、その事業グループの管理者である必要があります。")
        member = registry.get(tables.GroupMemberRow, person)
        if member and member.group is not group:
            raise Refusal(f"yayoi_id: 弥生ID {self.yayoi_id} は別の事業グループに参加しています。{_ONE_GROUP}")
        return {"person": person, "group": group, "administrator": self.administrator}


class ContractRecord(Record):
    """A contract that a customer already has."""

    table = tables.ExistingContractRow
    record: Literal["contract"]
    contract_id: ContractId
    customer_name: Text
    mail_address: YayoiId
    product_name: Text
    network_product: bool

    def facts(self, registry: Snapshot) -> dict[str, Any]:
        if registry.get(tables.IssuedContractRow, self.contract_id):
            raise Refusal(
                f"contract_id: {self.contract_id} は複数事業所データ管理用に発行済みのサービス契約IDです。"
                "お客様が元からお持ちのサービス契約IDを指定してください。"
            )
        return super().facts(registry)


class OfficeRecord(Record):
    """One office's data (Y5). `contract_id` and `group`: what it is managed with, if it is managed already (Y1)."""

    table = tables.OfficeRow
    record: Literal["office"]
    office_token: OfficeToken
    existing_contract_id: ContractId
    name: Text
    contract_id: ContractId | None = None
    group: YayoiId | None = None

    def facts(self, registry: Snapshot) -> dict[str, Any]:
        registry.required(tables.ExistingContractRow, "existing_contract_id", self.existing_contract_id)
        group = registry.group_administered_by(self.group) if self.group else None
        facts = super().facts(registry) | {"group": group}
        row = registry.get(tables.OfficeRow, self.office_token)
        if row and registry.get(tables.IssuedContractRow, row.contract_id):
            del facts["contract_id"], facts["group"]
        else:
            self._check_one_to_one(registry, group)
        applied_for = registry.get(tables.ApplicationOfficeRow, self.office_token)
        if row and applied_for and row.existing_contract_id != self.existing_contract_id:
            raise Refusal(
                "existing_contract_id: この事業所データには複数事業所データ管理の申込があるため、"
                f"契約 {row.existing_contract_id} から変更できません。"
            )
        return facts

    def _check_one_to_one(self, registry: Snapshot, group: tables.BusinessGroupRow | None) -> None:
        """Office data, contract ID and business group go together one to one (Y1)."""
        if registry.get(tables.IssuedContractRow, self.contract_id):
            raise Refusal(
                f"contract_id: {self.contract_id} は申込により発行されたサービス契約IDです。"
                "申込の手続きの中でだけ事業所データに付けられます。"
            )
        others = [office for office in registry.all(tables.OfficeRow) if office.office_token != self.office_token]
        if self.contract_id and any(office.contract_id == self.contract_id for office in others):
            raise Refusal(f"contract_id: {self.contract_id} は別の事業所データで使われています（1 対 1 です）。")
        if group and any(office.group is group for office in others):
            raise Refusal(f"group: {self.group} の事業グループは別の事業所データで使われています（1 対 1 です）。")


class SharingRecord(Record):
    """Smart import of the office is shared with an accounting office (Y13). One that has ended stays so."""

    table = tables.SharingRow
    record: Literal["sharing"]
    office_token: OfficeToken
    firm: Text

    def facts(self, registry: Snapshot) -> dict[str, Any]:
        registry.required(tables.OfficeRow, "office_token", self.office_token)
        return super().facts(registry)


class LinkRecord(Record):
    """A service linked to the office's smart import (Y14). `last_imported_on` empty: nothing was imported yet."""

    table = tables.ServiceLinkRow
    record: Literal["link"]
    office_token: OfficeToken
    kind: LinkKind
    service: Text
    last_imported_on: TypedDay | None = None
    settings: Annotated[dict[Setting, Setting], WrapValidator(_none_lost), BeforeValidator(_from_cell)] = Field(
        default_factory=dict
    )

    def facts(self, registry: Snapshot) -> dict[str, Any]:
        registry.required(tables.OfficeRow, "office_token", self.office_token)
        facts = super().facts(registry)
        row = registry.get(tables.ServiceLinkRow, self.office_token, self.kind, self.service)
        if row and (row.lost_at or row.first_covered_on):
            del facts["last_imported_on"], facts["settings"]
        return facts


class OperatorRecord(Leave, Record):
    """A back-office operator."""

    table = tables.OperatorRow
    record: Literal["operator"]
    handle: Handle
    name: Annotated[Text, AfterValidator(_askable)]
    mail_address: YayoiId
    roles: Annotated[tuple[Role, ...], BeforeValidator(split_at_commas)] = (Role.CASEWORKER,)
    takes_cases: bool = True

    def facts(self, registry: Snapshot) -> dict[str, Any]:
        row = registry.get(tables.OperatorRow, self.handle)
        if row and row.removed_at:
            raise Refusal(f"handle: {self.handle} は、退任した担当者です。別の handle を指定してください。")
        if any(other.name == self.name and other is not row for other in registry.all(tables.OperatorRow)):
            raise Refusal(f"name: {self.name} は、別の handle の担当者の名前です。見分けられる名前を指定してください。")
        facts = super().facts(registry) | {"roles": [role for role in Role if role in self.roles]}
        for names in ({"roles"}, {"takes_cases"}, set(Leave.model_fields)):
            if row and not names & self.model_fields_set:  # the operators' pages may have changed it since
                facts = {name: value for name, value in facts.items() if name not in names}
        return facts


_AnyRecord = (
    YayoiIdRecord
    | BusinessGroupRecord
    | MemberRecord
    | ContractRecord
    | OfficeRecord
    | SharingRecord
    | LinkRecord
    | OperatorRecord
)
RECORD: TypeAdapter[Record] = TypeAdapter(Annotated[_AnyRecord, Field(discriminator="record")])
COLUMNS = tuple(dict.fromkeys(name for kind in get_args(_AnyRecord) for name in kind.model_fields))
"""The columns of all kinds of records, as a table has them."""
