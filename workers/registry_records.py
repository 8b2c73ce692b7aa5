"""What one row of a registry file may say: one frozen model per kind of record, all found by `record`.

A business group has no number that people know, so a file names it by the Yayoi ID that administers it: each ID
administers one group at most (Y1, Y3).
"""

import json
import unicodedata
from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, model_validator
from pydantic_core import PydanticCustomError

from models.identifiers import ContractId, OfficeToken, YayoiId
from models.links import LinkKind

MAX_TEXT_LENGTH = 200


def _stored_text(text: str) -> str:
    """Fold into the one form that is stored (Y8), and refuse what neither Postgres nor a mail header can hold."""
    folded = unicodedata.normalize("NFC", text).strip()
    if not folded:
        raise PydanticCustomError("refused", "入力してください。")
    if len(folded) > MAX_TEXT_LENGTH:
        raise PydanticCustomError("refused", "{limit} 文字以内で入力してください。", {"limit": MAX_TEXT_LENGTH})
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in folded):
        raise PydanticCustomError("refused", "改行などの制御文字は使えません。")
    return folded


def _from_cell(value: Any) -> Any:
    """A CSV cell holds settings as JSON; what is no JSON is left for the model to refuse."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _askable(text: str) -> str:
    """Refuse what would end the quotes of a query: operators' lists are asked for by their names."""
    if set(text) & {"'", '"', "\\"}:
        raise PydanticCustomError("refused", "引用符と \\ は使えません。")
    return text


Text = Annotated[str, AfterValidator(_stored_text)]
Name = Annotated[Text, AfterValidator(_askable)]
Settings = Annotated[dict[Text, Text], BeforeValidator(_from_cell)]


class Record(BaseModel):
    """One row. Unknown columns are refused, so that a mistyped one is not silently dropped."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    note: str = ""
    """For the people who keep the file; never stored."""

    @property
    def facts(self) -> dict[str, Any]:
        """What is stored, by columns."""
        return self.model_dump(exclude={"record", "note"})


class YayoiIdRecord(Record):
    """A registered Yayoi ID (Y2)."""

    record: Literal["yayoi_id"]
    yayoi_id: YayoiId
    family_name: Text
    given_name: Text


class BusinessGroupRecord(Record):
    """A business group, with the Yayoi ID that administers it."""

    record: Literal["business_group"]
    administrator: YayoiId
    name: Text


class MemberRecord(Record):
    """A further member of the group that `group` administers (Y3, Y24)."""

    record: Literal["member"]
    yayoi_id: YayoiId
    group: YayoiId
    administrator: bool


class ContractRecord(Record):
    """A contract that a customer already has."""

    record: Literal["contract"]
    contract_id: ContractId
    customer_name: Text
    mail_address: YayoiId
    product_name: Text
    network_product: bool


class OfficeRecord(Record):
    """One office's data (Y5). `contract_id` and `group`: what it is managed with, if it is managed already (Y1)."""

    record: Literal["office"]
    office_token: OfficeToken
    existing_contract_id: ContractId
    name: Text
    contract_id: ContractId | None = None
    group: YayoiId | None = None


class SharingRecord(Record):
    """Smart import of the office is shared with an accounting office (Y13)."""

    record: Literal["sharing"]
    office_token: OfficeToken
    firm: Text


class LinkRecord(Record):
    """A service linked to the office's smart import (Y14). `last_imported_on` empty: nothing was imported yet."""

    record: Literal["link"]
    office_token: OfficeToken
    kind: LinkKind
    service: Text
    last_imported_on: date | None = None
    settings: Settings = Field(default_factory=dict)


class OperatorRecord(Record):
    """A back-office operator, named as they sign. Leave has a first day and, unless it is open-ended, a last one."""

    record: Literal["operator"]
    name: Name
    mail_address: YayoiId
    supervisor: bool = False
    takes_cases: bool = True
    leave_from: date | None = None
    leave_until: date | None = None

    @model_validator(mode="after")
    def _leave_begins_before_it_ends(self) -> Self:
        if self.leave_until is not None and (self.leave_from is None or self.leave_from > self.leave_until):
            raise PydanticCustomError("refused", "leave_from には、leave_until と同じ日か、それより前の日が必要です。")
        return self


AnyRecord = (
    YayoiIdRecord
    | BusinessGroupRecord
    | MemberRecord
    | ContractRecord
    | OfficeRecord
    | SharingRecord
    | LinkRecord
    | OperatorRecord
)
ANY_RECORD: TypeAdapter[AnyRecord] = TypeAdapter(Annotated[AnyRecord, Field(discriminator="record")])
