"""Enquiries (Y16) and changes of a registered name (Y17): with which numbers they are refused, and their stages."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field

from models.common.message import Message
from models.common.names import Name, Words, blank_is_none
from models.yayoi.identifiers import ApplicationNo, ContractId, YayoiId

ENQUIRY_PATH = "/enquiry"
ENQUIRY_PAGE = "お問い合わせ画面"
"""What texts call that page; pages show it as a link, with the phone if there is one."""
MAX_TEXT_LENGTH = 2000
DESK_SUBJECT = "〔担当者〕お客様からお問い合わせがありました"

NO_SUPPORT = (
    "この番号は、複数事業所データ管理用に新しく発行したサービス契約ID のため、お問い合わせを受け付けることができません"
    "（あんしん保守サポートの対象外です）。元々ご契約のサービス契約ID（お客様番号）を入力してください。"
)
"""Y16."""
NAME_IS_FIXED = (
    "この番号は、複数事業所データ管理用に新しく発行したサービス契約ID のため、登録名義を変更することができません。"
    "登録済みの契約情報を元に、特別な登録手続きを行っているためです。このままの登録名義でご利用ください。"
    "元々のご契約の登録名義を変更する場合は、元々ご契約のサービス契約ID（お客様番号）を入力してください。"
)
"""Y17."""


class EnquiryForm(BaseModel):
    """What a customer types."""

    contract_id: ContractId
    application_no: Annotated[ApplicationNo | None, BeforeValidator(blank_is_none)]
    name: Name
    mail_address: YayoiId
    text: Annotated[Words, Field(min_length=1, max_length=MAX_TEXT_LENGTH)]


class EnquiryStage(StrEnum):
    """Where an enquiry is at."""

    RECEIVED = "受付"
    CLOSED = "終了"


class EnquiryRef(Message):
    """One enquiry; what it says stays in Postgres."""

    receipt_no: str

    @property
    def workflow_id(self) -> str:
        return f"enquiry/{self.receipt_no}"
