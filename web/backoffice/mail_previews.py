"""What a customer will read: the mail that an operation sends, before it is sent."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from models.backoffice.case_places import CasePlace
from models.common.operations import Operation
from models.common.possible_operations import Choice


@dataclass(frozen=True)
class FilledInOperation:
    """An operation as its form holds it."""

    key: CasePlace
    operation: Operation
    typed: Mapping[str, str]
    choice: Choice | None = None
    """What is chosen in it; where nothing is yet, the likeliest."""


@dataclass(frozen=True)
class PreviewedMail:
    """A mail as it would be sent now."""

    recipient: str
    subject: str
    text: str


class PreviewsMails(Protocol):
    """Writes mails without sending them."""

    async def preview(self, filled_in: FilledInOperation) -> PreviewedMail | None:
        """Return the mail that the operation would send to the customer; None: it sends none, or it cannot be said."""
        ...


class NoPreviews:
    """Where nothing is known of mails."""

    async def preview(self, filled_in: FilledInOperation) -> PreviewedMail | None:  # noqa: ARG002
        return None
