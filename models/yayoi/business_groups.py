"""What is typed in STEP6 when a business group is created (Y20)."""

import re
import unicodedata
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from models.common.identifiers import fold
from models.common.message import FromOutside
from models.yayoi.application_form import MAX_NAME_LENGTH, FullWidthName

_KATAKANA = re.compile(r"[ァ-ヺー・ヽヾ　]+")
_TO_KATAKANA = {code: code + 0x60 for code in range(ord("ぁ"), ord("ゖ") + 1)}
_PHONE = re.compile(r"0[0-9]{9,10}")


def _katakana(text: str) -> str:
    """Fold half-width katakana and hiragana into full-width katakana (Y8), and refuse anything else."""
    kana = unicodedata.normalize("NFKC", text).translate(_TO_KATAKANA).strip().replace(" ", "　")
    if not kana:
        raise PydanticCustomError("refused", "入力してください。")
    if len(kana) > MAX_NAME_LENGTH:
        raise PydanticCustomError("refused", "{limit} 文字以内で入力してください。", {"limit": MAX_NAME_LENGTH})
    if not _KATAKANA.fullmatch(kana):
        raise PydanticCustomError("refused", "全角カタカナで入力してください（例：ヤヨイ）。")
    return kana


def _phone(text: str) -> str:
    """Keep the digits alone (Y8)."""
    digits = re.sub(r"[-()]", "", fold(text))
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


Katakana = Annotated[str, AfterValidator(_katakana)]
Phone = Annotated[str, AfterValidator(_phone)]


class GroupDetails(FromOutside):
    """Everything but the name."""

    business_form: BusinessForm = Field(description="事業形態")
    family_name: FullWidthName = Field(description="代表者の姓（全角）")
    given_name: FullWidthName = Field(description="代表者の名（全角）")
    family_name_kana: Katakana = Field(description="代表者のセイ（全角カタカナ）")
    given_name_kana: Katakana = Field(description="代表者のメイ（全角カタカナ）")
    phone: Phone = Field(description="登録電話番号（数字のみで保存）")
