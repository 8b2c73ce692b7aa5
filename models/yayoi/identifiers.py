"""Identifiers of 弥生; each holds one normal form, as all identifiers do."""

import re

from models.common.identifiers import CountedIdentifier, Digits, Identifier, MailAddress, fold, fold_words


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

    @classmethod
    def why_not(cls, text: str) -> str:
        """Return what is wrong with it: wherever a token is typed, one mistake has one message. It is not repeated."""
        if len(text) > _LONGEST_TOKEN:
            return f"長すぎます。{cls.refusal}"
        token = cls.normalise(text)
        if not token:
            return "入力してください。"
        if _TOKEN_INSIDE.search(fold_words(text).lower()):
            return f"事業所トークンのほかの文字が含まれています。{cls.refusal}"
        if strange := sorted(set(_NOT_IN_TOKENS.findall(token))):
            return f"使えない文字（{'、'.join(strange[:5])}）が含まれています。{cls.refusal}"
        lengths = tuple(map(len, token.split("-")))
        if len(lengths) == 1 and sum(lengths) == sum(_TOKEN_LENGTHS):
            return f"区切りのハイフン（-）がありません。{cls.refusal}"
        found = "-".join(f"{length}桁" for length in lengths[: len(_TOKEN_LENGTHS) + 1])
        return f"桁数が違います（入力されたもの：{found}）。{cls.refusal}途中で切れていないか確認してください。"


_TOKEN_LENGTHS = (8, 4, 4, 4, 12)
_LONGEST_TOKEN = 400
"""Characters that are looked at: what is pasted by mistake may be a whole file."""
_TOKEN_INSIDE = re.compile(r"(?<![0-9a-z])[0-9a-z]{8}(?:-[0-9a-z]{4}){3}-[0-9a-z]{12}(?![0-9a-z])")
_NOT_IN_TOKENS = re.compile(r"[^0-9a-z-]")


class ContractId(Digits):
    """サービス契約ID（お客様番号）: 7 digits, the first 6, 7 or 8."""

    __slots__ = ()
    pattern = re.compile(r"[678][0-9]{6}")
    refusal = "サービス契約ID（お客様番号）は 6、7、8 のいずれかで始まる 7 桁の数字で入力してください。"


class ApplicationNo(CountedIdentifier, letters="YS", label="申込番号"):
    """申込番号: what the applicant gets and says to an operator on the phone, such as `YS-000123`."""

    __slots__ = ()


def application_workflow_id(application_no: ApplicationNo) -> str:
    """Workflow id of the case; nothing personal in it."""
    return f"application/{application_no}"


def office_workflow_id(application_no: ApplicationNo, office_no: int) -> str:
    """Workflow id of one pair (office data and Yayoi ID) of the case, counted from 1."""
    return f"{application_workflow_id(application_no)}/office/{office_no}"


def link_mail_workflow_id(application_no: ApplicationNo, office_no: int | None, mail: str) -> str:
    """Workflow id of one mail with a link to the case."""
    return f"{application_workflow_id(application_no)}/link/{office_no or '-'}/{mail}"


def ended_record_workflow_id(application_no: ApplicationNo, update_id: str) -> str:
    """Workflow id of what is recorded after the case has ended."""
    return f"{application_workflow_id(application_no)}/record/{update_id}"
