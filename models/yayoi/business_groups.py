"""What is typed in STEP6 when a business group is created (Y20)."""

import re
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from models.common.identifiers import fold
from models.common.message import FromOutside
from models.common.names import FullWidthName, Reading

_PHONE = re.compile(r"0[0-9]{9,10}")


def _phone(text: str) -> str:
    """Keep the digits alone, as they are dialled in Japan (Y8)."""
    digits = re.sub(r"^\+81(\(0\)|0)?", "0", fold(text))
    digits = re.sub(r"[-().・]", "", digits)
    if not digits:
        raise PydanticCustomError("refused", "入力してください。")
    if not _PHONE.fullmatch(digits):
        raise PydanticCustomError(
            "refused", "電話番号は、市外局番から 10 桁または 11 桁の数字で入力してください（例：03-1234-5678）。"
        )
    return digits


class BusinessForm(StrEnum):
    """事業形態."""

    CORPORATION = "corporation"
    SOLE_PROPRIETOR = "sole_proprietor"

    @property
    def label(self) -> str:
        return {BusinessForm.CORPORATION: "法人", BusinessForm.SOLE_PROPRIETOR: "個人事業主"}[self]


Phone = Annotated[str, AfterValidator(_phone)]


class GroupDetails(FromOutside):
    """Everything but the name."""

    business_form: BusinessForm = Field(description="事業形態")
    family_name: FullWidthName = Field(description="代表者の姓（全角）")
    given_name: FullWidthName = Field(description="代表者の名（全角）")
    family_name_kana: Reading = Field(description="代表者のセイ（全角カタカナ）")
    given_name_kana: Reading = Field(description="代表者のメイ（全角カタカナ）")
    phone: Phone = Field(description="登録電話番号（数字のみで保存）")
