"""What operators can do with every procedure: one message each."""

from pydantic import Field, field_validator

from models.common.identifiers import ComposedText
from models.common.operator_message import ActionMessage


class HandOver(ActionMessage):
    """Take the case oneself or hand it to a colleague."""

    to: ComposedText = Field(min_length=1, max_length=100, title="新しい担当者")


class EndCase(ActionMessage):
    """End a case before its end. `reason` stays in the audit trail; the customer reads `text_for_customer` alone."""

    text_for_customer: str = Field(
        default="",
        max_length=1000,
        title="お客様に伝えること",
        description="お客様のメールと画面に、このまま出ます。空のままなら、決まった文をお送りします。",
    )
    """What the customer reads about why, in mails and on pages; empty: the sentence that fits how it ended."""

    @field_validator("text_for_customer", mode="after")
    @classmethod
    def _on_one_line(cls, text: str) -> str:
        return " ".join(text.split())
