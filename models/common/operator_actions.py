"""What operators can do with every procedure: one small JSON each."""

from pydantic import Field

from models.common.names import Line, Name
from models.common.operator_message import ActionMessage


class HandOver(ActionMessage):
    """Take the case oneself or hand it to a colleague."""

    to: Name


class EndCase(ActionMessage):
    """End a case before its end. `reason` stays in the audit trail; the customer reads `text_for_customer` alone."""

    text_for_customer: Line = Field(default="", max_length=1000)
    """What the customer reads about why, in mails and on pages; empty: the sentence that fits how it ended."""
