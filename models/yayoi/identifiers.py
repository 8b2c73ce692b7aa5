"""Identifiers that cannot be built wrong.

Each is a `str` that holds one normal form (Y8): however people type it (full-width letters, stray spaces, other
hyphens, other letter case), what is stored and compared has one spelling.
"""

import re
from typing import Self

from models.common.identifiers import Identifier, MailAddress, fold


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
    """申込番号: what the applicant gets and says to an operator on the phone, such as `YS-000123`."""

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
