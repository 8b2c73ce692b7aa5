"""Whether evidence may be stored: it cannot be fully deleted afterwards, so a mix-up is refused before (Y23)."""

from pydantic import BaseModel, Field

from models.common.message import FromOutside
from models.yayoi.identifiers import OfficeToken, YayoiId

UNKNOWN_OFFICE = (
    "この事業所トークンの事業所データは登録されていません。証憑は保存しないでください。"
    "事業所トークンを確認して、もう一度入力してください。"
)
NO_GROUP_YET = (
    "この事業所データの証憑を保存する事業グループが、まだありません。証憑は保存しないでください。"
    "先に、この事業所データ用の弥生ID でログインして、STEP6（事業グループの新規作成）を済ませてください。"
)
WRONG_GROUP = (
    "この弥生ID は、この事業所データの証憑を保存する事業グループに参加していません。証憑は保存しないでください。"
    "ログアウトして、この事業所データ用の弥生ID でログインし直してください。"
)


class EvidenceQuestion(FromOutside):
    """Who is logged in, and for which office evidence is about to be stored."""

    yayoi_id: YayoiId = Field(description="ログイン中の弥生ID", examples=["office-b@example.co.jp"])
    office_token: OfficeToken = Field(
        description="証憑を保存しようとしている事業所データの事業所トークン",
        examples=["b0000002-0000-4000-8000-000000000002"],
    )


class EvidenceAllowed(BaseModel):
    """The evidence belongs into the group that the ID is a member of."""

    allowed: bool = True
    office_name: str = Field(description="事業所データの名前", examples=["B 商店"])
    group_name: str = Field(description="保存先の事業グループの名前", examples=["事業グループB"])


class EvidenceRefusedError(Exception):
    """The evidence must not be stored; the text says why, in Japanese."""


class UnknownOfficeError(EvidenceRefusedError):
    """No office has this token."""

    def __init__(self) -> None:
        super().__init__(UNKNOWN_OFFICE)


def refuse_evidence(member_of: int | None, kept_in: int | None) -> str | None:
    """Return why evidence must not be stored now, or None if it may.

    `member_of` is the group of the ID that is logged in, `kept_in` the group that the office's evidence belongs to.
    An ID in no group and one in another get the same text: else it would show whether an address is in use.
    """
    if kept_in is None:
        return NO_GROUP_YET
    return None if member_of == kept_in else WRONG_GROUP
