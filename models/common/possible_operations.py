"""What a case answers to the desk: where it is, what can be done with it now, and what is known of each operation."""

from typing import Any

from pydantic import Field

from models.common.message import Message
from models.common.messages import TimelineEntry

CASE_NOW = "case_now"
"""The query of every procedure that has operations."""


class OperationToJudge(Message):
    """An operation as it would be sent."""

    operation: str
    message: dict[str, Any]


class Choice(Message):
    """Values that belong together, one of which an operator chooses: a mail, a service, the request to be answered."""

    label: str
    values: dict[str, str]
    """By the names of the message's fields."""
    mail: dict[str, Any] | None = None
    """The mail to the customer that it would have sent again, as the case has last asked for it."""


class PossibleOperation(Message):
    """An operation that is possible now."""

    operation: str
    label: str
    known: dict[str, str] = Field(default={})
    """What its fields begin with."""
    choices: tuple[Choice, ...] = ()
    """All that its chosen fields can be; the first is the likeliest. None: the message alone says."""
    unneeded: tuple[str, ...] = ()
    """Fields of its message that a case of this kind does not have."""


class CaseNow(Message):
    """Where a case is, as its workflow knows it. It holds no address that nobody has written there."""

    workflow_type: str
    run_id: str
    version: int
    """Of the status row."""
    title: str
    stage: str
    next_step: str
    """What an operator is to do now, in words."""
    problems: tuple[str, ...] = ()
    """What is wrong, in words."""
    first: tuple[str, ...] = ()
    """The operations that matter now, by their names."""
    possible: tuple[PossibleOperation, ...] = ()
    refusals: dict[str, str] = Field(default={})
    """Why each of the others is not possible."""
    judged: str | None = None
    """Why the operation that was asked about would be refused; None: it would not, or none was."""
    asked_by: str = ""
    """The handle of who asks a supervisor for something; "": nobody does."""
    timeline: tuple[TimelineEntry, ...] = ()
    """The newest entries, in their order."""
    happened: int = 0
    """How many entries there are in all."""

    def operation(self, name: str) -> PossibleOperation | None:
        """Return the operation of this name if it is possible now."""
        return next((each for each in self.possible if each.operation == name), None)

    def since(self, happened: int) -> tuple[TimelineEntry, ...]:
        """Return what has happened since there were only so many entries, as far as it is listed here."""
        new = max(self.happened - happened, 0)
        return self.timeline[-new:] if new else ()
