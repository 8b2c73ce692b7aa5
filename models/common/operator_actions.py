"""What operators can do with every procedure: one message each."""

from pydantic import Field

from models.common.names import Line
from models.common.operator_message import ActionMessage
from models.common.operators import Handle


class HandOver(ActionMessage):
    """Take the case oneself or hand it to a colleague."""

    to: Handle = Field(title="新しい担当者")


class EndCase(ActionMessage):
    """End a case before its end. `reason` stays in the audit trail; the customer reads `text_for_customer` alone."""

    text_for_customer: Line = Field(
        default="",
        max_length=1000,
        title="お客様に伝えること",
        description="お客様のメールと画面に、このまま出ます。空のままなら、決まった文をお送りします。",
    )
    """What the customer reads about why, in mails and on pages; empty: the sentence that fits how it ended."""
