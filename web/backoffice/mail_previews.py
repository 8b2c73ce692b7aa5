"""What a customer will read: the mail that an operation sends, before it is sent."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from models.common.operations import Operation


@dataclass(frozen=True)
class PreviewedMail:
    """A mail as it would be sent now."""

    recipient: str
    subject: str
    text: str


class PreviewsMails(Protocol):
    """Writes mails without sending them."""

    async def preview(
        self, case_no: str, part: int | None, workflow_type: str, operation: Operation, typed: Mapping[str, str]
    ) -> PreviewedMail | None:
        """Return the mail that the operation would send to the customer; None: it sends none, or it cannot be said."""
        ...


class NoPreviews:
    """Where nothing is known of mails."""

    async def preview(
        self,
        case_no: str,  # noqa: ARG002
        part: int | None,  # noqa: ARG002
        workflow_type: str,  # noqa: ARG002
        operation: Operation,  # noqa: ARG002
        typed: Mapping[str, str],  # noqa: ARG002
    ) -> PreviewedMail | None:
        return None
