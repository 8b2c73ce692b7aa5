"""The application form (STEP4): what is typed, what is refused and why (Y1, Y4, Y6 to Y9)."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, LiteralString, Self, TypeVar
from uuid import UUID

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ModelWrapValidatorHandler,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from models.common.message import FromOutside
from models.common.names import FullWidthName, blank_is_none, name_of_any_width
from models.common.refusals import FieldError, RefusedError
from models.yayoi.identifiers import ContractId, OfficeToken, YayoiId
from models.yayoi.procedures import Procedure

MAX_OFFICES = 20
MAX_OFFICE_NAME_LENGTH = 40
SAME_NAME = "同じ名前が 2 回入力されています。区別できる名前を付けてください。"
NO_FEE = "お申し込みによる追加料金は発生しません。"
"""Y10."""
_OWN_KINDS: dict[str, LiteralString] = {"identifier": "identifier", "refused": "refused"}
"""The kinds of error whose text is ours, in Japanese."""


def _office_name(text: str) -> str:
    """Take a name as people write it. What mail programs make links of is written full-width: anybody may apply."""
    return name_of_any_width(text, MAX_OFFICE_NAME_LENGTH).translate(_NO_LINKS)


_NO_LINKS = str.maketrans(".:/@", "．：／＠")


OfficeName = Annotated[str, AfterValidator(_office_name)]
"""What a customer calls their office data."""


class Applicant(FromOutside):
    """申込者."""

    family_name: FullWidthName = Field(description="姓（全角）", examples=["弥生"])
    given_name: FullWidthName = Field(description="名（全角）", examples=["太郎"])


class OfficePair(FromOutside):
    """One Yayoi ID and the office data it is to manage (Y1)."""

    office_name: Annotated[OfficeName | None, BeforeValidator(blank_is_none)] = Field(
        default=None,
        description="事業所データの名前。メールや画面で使う。事業所トークンから分かるときは、登録されている名前を使う",
        examples=["B 商店"],
    )
    yayoi_id: YayoiId = Field(description="弥生ID（メールアドレス）", examples=["office-b@example.co.jp"])
    yayoi_id_confirmation: YayoiId = Field(
        description="弥生ID（確認のためもう一度）", examples=["office-b@example.co.jp"]
    )
    office_token: Annotated[OfficeToken | None, BeforeValidator(blank_is_none)] = Field(
        default=None,
        description="事業所トークン（会計連携を利用する場合は必須）",
        examples=["b0000002-0000-4000-8000-000000000002"],
    )

    issued_contract_id: Annotated[ContractId | None, BeforeValidator(blank_is_none)] = Field(
        default=None, description="会計連携の追加：この弥生ID に以前発行されたサービス契約ID", examples=["7000001"]
    )

    @field_validator("yayoi_id_confirmation")
    @classmethod
    def _agrees(cls, again: YayoiId, info: ValidationInfo) -> YayoiId:
        """Y7; a Yayoi ID that is refused itself is not compared."""
        if info.data.get("yayoi_id", again) != again:
            raise PydanticCustomError("refused", "弥生ID と一致しません。もう一度入力してください。")
        return again


class Consents(FromOutside):
    """What the applicant has understood and agreed to."""

    stop_smart_import: bool = Field(default=False, description="手続き完了までスマート取引取込を利用しない")
    sharing_released: bool = Field(default=False, description="会計事務所との共有を解除した、または共有していない")
    relink_required: bool = Field(default=False, description="連携サービスの再連携が必要なことを確認した")
    delegate_unsharing: bool = Field(default=False, description="共有の解除を弥生に任せる")

    def errors(self, *, accounting_link: bool) -> list[FieldError]:
        """What still has to be agreed to; without the link nothing has (Y9)."""
        required = {
            "stop_smart_import": "手続き完了までスマート取引取込を利用しないことに同意してください。",
            "relink_required": "連携サービスの再連携が必要になることを確認してください。",
        }
        return [
            FieldError(field=f"consents.{name}", message=message)
            for name, message in required.items()
            if accounting_link and not getattr(self, name)
        ]


class ApplicationForm(FromOutside):
    """The form as it was submitted, in its one normal form."""

    submission_id: UUID = Field(description="送信側が付ける番号。同じ番号の再送は同じ申込として扱う")
    applicant: Applicant
    existing_contract_id: ContractId = Field(description="登録済みのサービス契約ID（お客様番号）", examples=["8871304"])
    accounting_link: bool = Field(description="弥生会計／やよいの青色申告との連携を利用する")
    network_product: Annotated[bool | None, BeforeValidator(blank_is_none)] = Field(
        default=None, description="ネットワーク製品である（会計連携の追加のほかは必須）"
    )
    link_addition: bool = Field(
        default=False, description="会計連携の追加：連携なしで発行されたサービス契約ID に、後から連携を付ける"
    )
    offices: Annotated[tuple[OfficePair, ...], Field(min_length=1, max_length=MAX_OFFICES)]
    consents: Consents

    @model_validator(mode="wrap")
    @classmethod
    def _all_at_once(cls, sent: Any, read: ModelWrapValidatorHandler[Self]) -> Self:
        """Say what shows when fields are read together in the same round as what is wrong with each by itself."""
        try:
            return read(sent)
        except ValidationError as invalid:
            if not isinstance(sent, dict):
                raise
            wrong = [".".join(map(str, error["loc"])) for error in invalid.errors()]
            between = [error for error in Answers.read(sent).errors() if not _lies_in_one_of(error.field, wrong)]
            raise ValidationError.from_exception_data(
                cls.__name__, [*map(_again, invalid.errors()), *map(_as_detail, between)]
            ) from None

    @property
    def procedure(self) -> Procedure:
        if self.link_addition:
            return Procedure.LINK_ADDITION
        return Procedure.of(accounting_link=self.accounting_link, network_product=bool(self.network_product))

    @property
    def digest(self) -> str:
        """What the same submission sent twice has in common."""
        return hashlib.sha256(self.model_dump_json(exclude={"submission_id"}).encode()).hexdigest()

    def check(self) -> None:
        """Refuse what only shows when fields are read together (Y1, Y9). Raises `RefusedError`."""
        if errors := Answers.of(self).errors():
            raise RefusedError(errors)


@dataclass(frozen=True)
class PairAnswers:
    """What was answered for one pair; None where it cannot be read."""

    yayoi_id: YayoiId | None
    office_token: OfficeToken | None
    without_token: bool
    names_issued_id: bool
    office_name: str | None

    @classmethod
    def read(cls, sent: Any) -> Self:
        given = sent if isinstance(sent, dict) else {}
        token = blank_is_none(given.get("office_token"))
        return cls(
            _read(_YAYOI_ID, given.get("yayoi_id")),
            _read(_TOKEN, token),
            token is None,
            blank_is_none(given.get("issued_contract_id")) is not None,
            _read(_OFFICE_NAME, blank_is_none(given.get("office_name"))),
        )


@dataclass(frozen=True)
class Answers:
    """What was answered, as far as it can be read: None where it cannot. What it says together is checked here."""

    accounting_link: bool | None
    network_product: bool | None
    link_addition: bool | None
    pairs: Sequence[PairAnswers]
    consents: Consents | None

    @classmethod
    def of(cls, form: ApplicationForm) -> Self:
        return cls(
            form.accounting_link,
            form.network_product,
            form.link_addition,
            [
                PairAnswers(
                    pair.yayoi_id,
                    pair.office_token,
                    pair.office_token is None,
                    pair.issued_contract_id is not None,
                    pair.office_name,
                )
                for pair in form.offices
            ],
            form.consents,
        )

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Self:
        """Read a form that is wrong in places."""
        offices = given.get("offices")
        pairs = offices if isinstance(offices, list | tuple) and len(offices) <= MAX_OFFICES else ()
        return cls(
            _read(_YES_OR_NO, given.get("accounting_link")),
            _read(_YES_OR_NO, given.get("network_product")),
            _read(_YES_OR_NO, given.get("link_addition", False)),
            [PairAnswers.read(pair) for pair in pairs],
            _read(_CONSENTS, given.get("consents")),
        )

    def errors(self) -> list[FieldError]:
        """What is wrong with the answers together (Y1, Y9)."""
        consents = self.consents.errors(accounting_link=bool(self.accounting_link)) if self.consents else []
        return [*self._procedure_errors(), *self._pair_errors(), *consents]

    def _procedure_errors(self) -> list[FieldError]:
        """会計連携の追加 is for an ID that was issued before, and adds a link; its product is known (Y9)."""
        errors = []
        if self.link_addition and self.accounting_link is False:
            message = "会計連携の追加では「会計連携を利用する」を選んでください。"
            errors.append(FieldError(field="accounting_link", message=message))
        if self.link_addition is False and self.network_product is None:
            errors.append(FieldError(field="network_product", message="入力してください。"))
        for index, pair in enumerate(self.pairs):
            if self.link_addition and not pair.names_issued_id:
                errors.append(_error(index, "issued_contract_id", "発行済みのサービス契約ID を入力してください。"))
            if self.link_addition is False and pair.names_issued_id:
                errors.append(_error(index, "issued_contract_id", "会計連携の追加ではないため、空欄にしてください。"))
        return errors

    def _pair_errors(self) -> list[FieldError]:
        errors = []
        ids = Counter(pair.yayoi_id for pair in self.pairs if pair.yayoi_id)
        tokens = Counter(pair.office_token for pair in self.pairs if pair.office_token)
        names = Counter(pair.office_name for pair in self.pairs if pair.office_name)
        for index, pair in enumerate(self.pairs):
            if pair.office_name and names[pair.office_name] > 1:
                errors.append(_error(index, "office_name", SAME_NAME))
            if pair.yayoi_id and ids[pair.yayoi_id] > 1:
                errors.append(
                    _error(index, "yayoi_id", "同じ弥生ID が 2 回入力されています。事業所データごとに 1 つ必要です。")
                )
            if pair.without_token:
                if self.accounting_link:
                    errors.append(_error(index, "office_token", "事業所トークンを入力してください。"))
            elif self.accounting_link is False:
                errors.append(
                    _error(
                        index,
                        "office_token",
                        "会計連携を利用しない場合、事業所トークンは不要です。空欄にしてください。",
                    )
                )
            elif pair.office_token and tokens[pair.office_token] > 1:
                errors.append(_error(index, "office_token", "同じ事業所トークンが 2 回入力されています。"))
        return errors


_YES_OR_NO: TypeAdapter[bool] = TypeAdapter(bool)
_OFFICE_NAME: TypeAdapter[str] = TypeAdapter(OfficeName)
_YAYOI_ID, _TOKEN, _CONSENTS = TypeAdapter(YayoiId), TypeAdapter(OfficeToken), TypeAdapter(Consents)
_Read = TypeVar("_Read")


def _read(adapter: TypeAdapter[_Read], sent: Any) -> _Read | None:
    try:
        return adapter.validate_python(sent)
    except ValidationError:
        return None


def _lies_in_one_of(field: str, wrong: Sequence[str]) -> bool:
    return any(field == each or field.startswith(f"{each}.") for each in wrong)


def _again(error: ErrorDetails) -> InitErrorDetails:
    """Return what an error is raised with anew; our own kinds carry their whole text."""
    kind: str | PydanticCustomError = error["type"]
    if kind in _OWN_KINDS:
        kind = PydanticCustomError(_OWN_KINDS[error["type"]], "{text}", {"text": error["msg"]})
    return InitErrorDetails(type=kind, loc=error["loc"], input=error["input"], ctx=error.get("ctx", {}))


def _as_detail(error: FieldError) -> InitErrorDetails:
    loc = tuple(int(part) if part.isdecimal() else part for part in error.field.split("."))
    return InitErrorDetails(type=PydanticCustomError("refused", "{text}", {"text": error.message}), loc=loc, input=None)


def _error(index: int, name: str, message: str) -> FieldError:
    return FieldError(field=f"offices.{index}.{name}", message=message)
