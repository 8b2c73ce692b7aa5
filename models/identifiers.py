"""Identifiers that cannot be built wrong.

Each is a `str` that holds one normal form (Y8): whatever way people type it (full-width letters, stray spaces, other
hyphens, other letter case), what is stored and compared has one spelling.
"""

import re
import unicodedata
from typing import Any, ClassVar, Self

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

_HYPHENS = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u30fc\uff0d\ufe63\uff70"), "-")
_SPACES = re.compile(r"[\s\u200b\ufeff]+")


def fold(text: str) -> str:
    """Fold what people type into one form: NFKC, one kind of hyphen, no spaces at all (Y8)."""
    return _SPACES.sub("", unicodedata.normalize("NFKC", text.translate(_HYPHENS)))


class Identifier(str):
    """A string that is always in its normal form. Building one from anything else raises `ValueError`, in Japanese."""

    __slots__ = ()
    pattern: ClassVar[re.Pattern[str]]
    refusal: ClassVar[str]
    max_length: ClassVar[int] = 254

    def __new__(cls, text: str) -> Self:
        normal = cls.normalise(text) if len(text) <= 4 * cls.max_length else ""
        if len(normal) > cls.max_length or not cls.pattern.fullmatch(normal):
            raise ValueError(cls.refusal)
        return str.__new__(cls, normal)

    @classmethod
    def normalise(cls, text: str) -> str:
        return fold(text)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        def build(text: str) -> Identifier:
            try:
                return cls(text)
            except ValueError as refused:
                raise PydanticCustomError("identifier", "{refusal}", {"refusal": str(refused)}) from None

        return core_schema.no_info_after_validator_function(
            build,
            core_schema.str_schema(),
            serialization=core_schema.to_string_ser_schema(),
        )


class MailAddress(Identifier):
    """A mail address; lower case (Y8)."""

    __slots__ = ()
    # Deliverable in practice and harmless in a mail header; whether it exists is for others to say (Y2).
    pattern = re.compile(
        r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*@([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,63}"
    )
    refusal = "メールアドレスの形式で入力してください（例：taro@example.co.jp）。"

    @classmethod
    def normalise(cls, text: str) -> str:
        return fold(text).lower()


class YayoiId(MailAddress):
    """弥生ID: a login, which is a mail address."""

    __slots__ = ()


class OfficeToken(Identifier):
    """事業所トークン: 8-4-4-4-12 letters and digits (Y4); lower case (Y8)."""

    __slots__ = ()
    pattern = re.compile(r"[0-9a-z]{8}(-[0-9a-z]{4}){3}-[0-9a-z]{12}")
    refusal = "事業所トークンは「8桁-4桁-4桁-4桁-12桁」の英数字で入力してください。"

    @classmethod
    def normalise(cls, text: str) -> str:
        return fold(text).lower()


class ContractId(Identifier):
    """サービス契約ID（お客様番号）: 7 digits, the first 6, 7 or 8."""

    __slots__ = ()
    pattern = re.compile(r"[678][0-9]{6}")
    refusal = "サービス契約ID（お客様番号）は 6、7、8 のいずれかで始まる 7 桁の数字で入力してください。"


class ApplicationNo(Identifier):
    """申込番号: what the applicant is told and an operator is asked for on the phone, such as `YS-000123`."""

    __slots__ = ()
    pattern = re.compile(r"YS-[0-9]{6,9}")
    refusal = "申込番号は YS-000123 の形で入力してください。"

    @classmethod
    def normalise(cls, text: str) -> str:
        return fold(text).upper()

    @classmethod
    def from_count(cls, count: int) -> Self:
        return cls(f"YS-{count:06d}")


def application_workflow_id(application_no: ApplicationNo) -> str:
    """Workflow id of the case; nothing personal in it."""
    return f"application/{application_no}"


def office_workflow_id(application_no: ApplicationNo, office_no: int) -> str:
    """Workflow id of one pair (office data and Yayoi ID) of the case, counted from 1."""
    return f"{application_workflow_id(application_no)}/office/{office_no}"


def ledger_key(application_no: str, office_no: int | None, step: str) -> str:
    """The one key under which a step takes effect once.

    Never holds a run or activity id: those change when a workflow is reset, and the step must not happen again.
    """
    return f"{application_no}:{office_no or '-'}:{step}"


def counted(occurrence: int, asked_as: str | None = None) -> str:
    """Return what tells a step that is done more than once apart: how often it was, and the update that asks for it.

    The number alone would not do for what an update asks for: after a Reset to before, the workflow counts anew.
    """
    return str(occurrence) if asked_as is None else f"{occurrence}.{asked_as}"
