"""The correction of a pair as a page takes it: what is typed as on the form, and what it changes."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import ValidationError

from models.common.message import FromOutside
from models.common.refusals import FieldError, RefusedError, in_japanese
from models.tables import ApplicationOfficeRow
from models.yayoi.identifiers import ContractId, OfficeToken, YayoiId

LABELS = {
    "yayoi_id": "弥生ID（メールアドレス）",
    "yayoi_id_confirmation": "弥生ID（確認のためもう一度）",
    "office_token": "事業所トークン",
    "issued_contract_id": "発行済みのサービス契約ID",
}
NOTHING = "訂正する項目を入力してください。"
THE_SAME = "お申し込みの内容と同じです。正しい内容を入力してください。"
AGAIN = "弥生ID と一致しません。もう一度入力してください。"


class Correction(FromOutside):
    """What is to be changed; what stays is None. It is never what the pair holds already."""

    yayoi_id: YayoiId | None = None
    yayoi_id_confirmation: YayoiId | None = None
    office_token: OfficeToken | None = None
    issued_contract_id: ContractId | None = None
    """Only in 会計連携の追加 (Y9)."""

    @classmethod
    def of(cls, typed: Mapping[str, str], pair: ApplicationOfficeRow) -> Self:
        """Return what was typed (Y4, Y7, Y8). Raises `RefusedError` with one message per field."""
        given = {name: text for name in LABELS if (text := typed.get(name, "")).strip()}
        try:
            read = cls.model_validate(given)
        except ValidationError as invalid:
            errors = in_japanese(invalid.errors())
            if not _IDS & {error.field for error in errors}:
                errors += _not_the_same(cls.model_validate({name: given[name] for name in _IDS & given.keys()}))
            raise RefusedError(errors) from None
        if errors := _not_the_same(read):
            raise RefusedError(errors)
        typed_in = [name for name in _OF_THE_PAIR if getattr(read, name) is not None]
        if not typed_in:
            raise RefusedError([FieldError(field="yayoi_id", message=NOTHING)])
        changed = {name: getattr(read, name) for name in typed_in if getattr(read, name) != getattr(pair, name)}
        if not changed:
            raise RefusedError([FieldError(field=typed_in[-1], message=THE_SAME)])
        return cls(**changed)

    @property
    def changes(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in _OF_THE_PAIR}


_IDS = frozenset({"yayoi_id", "yayoi_id_confirmation"})


def _not_the_same(read: Correction) -> list[FieldError]:
    """Return what is wrong with the ID that is typed twice (Y7)."""
    differ = read.yayoi_id != read.yayoi_id_confirmation
    return [FieldError(field="yayoi_id_confirmation", message=AGAIN)] if differ else []


_OF_THE_PAIR = ("yayoi_id", "office_token", "issued_contract_id")
