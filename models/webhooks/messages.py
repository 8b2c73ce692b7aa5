"""What subscribers are notified of: stage changes as webhook messages, and on which schedule each delivery is tried.

The messages hold ids and facts, no name and no address.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any, Self
from uuid import UUID, uuid5

from models.common.case_state import CaseState
from models.common.message import Message
from models.common.messages import CaseRef
from models.common.operations import Operation, Operations
from models.common.operator_message import ActionMessage
from models.common.waiting_for import WaitingFor

SCHEDULE = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
"""How long to wait after each failed attempt (Standard Webhooks); after the attempt that follows the last: dead."""
ATTEMPTS = len(SCHEDULE) + 1
KEPT_DEAD = timedelta(days=30)
"""How long a dead letter waits for `resend`."""

WEBHOOK_TROUBLE_SUBJECT = "〔担当者〕通知（Webhook）を届けられませんでした"
DELIVERY_WORKFLOW = "WebhookDelivery"
"""The type of the workflow that delivers a message."""
CLOSED = "closed"
"""The code of the stage at which an application as a whole has ended."""

_NAMESPACE = UUID("6d0a3c52-0b0e-4b43-9d4e-5a2f0f5d7c11")


class WebhookKind(StrEnum):
    """What a message is about."""

    OFFICE_STAGE_CHANGED = "office.stage_changed"
    OFFICE_CLOSED = "office.closed"
    APPLICATION_STAGE_CHANGED = "application.stage_changed"
    APPLICATION_CLOSED = "application.closed"


class WebhookStage(StrEnum):
    """Where the delivery of a message is at, as operators read it and search for it."""

    SENDING = "送信中"
    DEAD = "送信失敗"
    DELIVERED = "送信済み"
    STOPPED = "送信先の停止"
    UNDELIVERED = "未送信で終了"


class Coded(Message):
    """A fact for programs (`code`) and for people (`label`)."""

    code: str
    label: str

    @classmethod
    def of(cls, value: StrEnum) -> Self:
        """The code is the name, which does not change when a label is reworded."""
        return cls(code=value.name.lower(), label=value.value)


class StageChange(Message):
    """A change of stage or outcome, of one office or (None) of the application as a whole."""

    application_no: str
    office_no: int | None = None
    sequence: int
    """Counts the changes of this office, or of the application as a whole, from 1."""
    at: datetime
    stage: Coded
    waiting_for: Coded
    outcome: Coded | None = None
    due_date: date

    @property
    def kind(self) -> WebhookKind:
        if self.office_no is None:
            return (
                WebhookKind.APPLICATION_CLOSED if self.stage.code == CLOSED else WebhookKind.APPLICATION_STAGE_CHANGED
            )
        return WebhookKind.OFFICE_CLOSED if self.outcome else WebhookKind.OFFICE_STAGE_CHANGED

    def message_id(self, subscriber_id: int) -> str:
        """Return the same id for the same change and subscriber, however often it is published.

        What changed belongs to it: an application that was reset may count to other changes.
        """
        outcome = self.outcome.code if self.outcome else ""
        parts = (self.application_no, self.office_no, self.sequence, self.stage.code, outcome, subscriber_id)
        return f"msg_{uuid5(_NAMESPACE, ':'.join(map(str, parts))).hex}"

    @property
    def payload(self) -> dict[str, Any]:
        """The message as subscribers get it."""
        return {
            "type": self.kind.value,
            "timestamp": self.at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "data": self.model_dump(mode="json", exclude={"at"}),
        }


def wants(kinds: Sequence[str], kind: WebhookKind) -> bool:
    """Whether a subscriber with these kinds gets such a message; none means all."""
    return not kinds or kind in kinds


def webhook_workflow_id(message_id: str) -> str:
    return f"webhook/{message_id}"


# --- the delivery -----------------------------------------------------------------------------------------------------


class WebhookMessageRef(CaseRef):
    """One stored message for one subscriber; the number of its case is the message's id."""


class DeliverWebhook(WebhookMessageRef):
    """Deliver a message within one round of attempts."""

    stored_at: datetime
    attempts_before: int = 0
    """Attempts of earlier rounds."""


class DeliveryStatus(Message):
    """The status of a message after an attempt or a decision."""

    stage: WebhookStage
    attempts: int
    last_error: str = ""
    for_operators: bool = False
    """Whether operators have to be notified."""


@dataclass(kw_only=True)
class DeliveryState(CaseState):
    """The state of a delivery while it runs."""

    stage: WebhookStage = WebhookStage.SENDING
    outcome: WebhookStage | None = None
    attempts: int = 0
    last_error: str = ""
    given_up: bool = False

    @property
    def whose_turn(self) -> WaitingFor:
        """While attempts fail nobody has to act: an operator is needed once it is a dead letter."""
        return WaitingFor.OPERATOR if self.refused else self.waiting_for


class WebhookOperation(Operation):
    """The updates, by their names in the Web UI's list."""

    RESEND = "resend", ActionMessage, "もう一度送信する"


def _refusal(_: WebhookOperation, stage: WebhookStage) -> str | None:
    if stage is WebhookStage.DEAD:
        return None
    return "この通知は送信中か、送信が終わっています。もう一度送信できるのは、送信に失敗した後だけです。"


OPERATIONS = Operations[WebhookOperation, WebhookStage](tuple(WebhookOperation), _refusal)
