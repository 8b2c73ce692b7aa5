"""What operators can do with every procedure: one small JSON each."""

from pydantic import Field

from models.common.identifiers import ComposedText
from models.common.operator_message import ActionMessage


class HandOver(ActionMessage):
    """Take the case oneself or hand it to a colleague."""

    to: ComposedText = Field(min_length=1, max_length=100)


class AddNote(ActionMessage):
    """Leave a note; a case that waits for an operator waits for the applicant again."""
