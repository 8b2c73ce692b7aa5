"""What a copyable JSON holds where only a person knows the value: sent unchanged, it is refused."""

from dataclasses import dataclass

from models.common.operator_message import ActionMessage


@dataclass(frozen=True)
class Placeholder:
    """The text shown for a field, and what belongs there instead."""

    field: str
    text: str
    instead: str


REASON = Placeholder("reason", "理由", "そうする理由（例：お電話で確認）")
YAYOI_ID = Placeholder("yayoi_id", "new@example.co.jp", "お客様から聞いた正しい弥生ID（メールアドレス）")
OFFICE_TOKEN = Placeholder(
    "office_token", "00000000-0000-0000-0000-000000000000", "お客様から聞いた正しい事業所トークン"
)
ISSUED_CONTRACT_ID = Placeholder("issued_contract_id", "8999999", "お客様から聞いた、発行済みのサービス契約ID")
MAIL_ADDRESS = Placeholder("mail_address", "new@example.co.jp", "お客様から聞いた正しいメールアドレス")
TO = Placeholder("to", "引き継ぐ人の名前", "引き継ぐ担当者の名前")

TEXT_FOR_CUSTOMER = {"text_for_customer": ""}
"""What an example shows of the text that the customer reads: left empty, they read the usual sentence."""

ALL = (REASON, YAYOI_ID, OFFICE_TOKEN, ISSUED_CONTRACT_ID, MAIL_ADDRESS, TO)


def left_as_shown(message: ActionMessage) -> str | None:
    """Return which values are still those of the example and what to write instead, in Japanese; None: all are real."""
    left = [each for each in ALL if str(getattr(message, each.field, None)) == each.text]
    if not left:
        return None
    what = (f"「{each.field}」が例の「{each.text}」のままです。{each.instead}を書いてください。" for each in left)
    unneeded = "使わない項目は、行ごと消してください。" if set(left) - {REASON, MAIL_ADDRESS, TO} else ""
    return "".join(what) + unneeded
