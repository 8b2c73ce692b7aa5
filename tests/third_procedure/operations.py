"""What operators can do, and when (step 2)."""

from dataclasses import dataclass, field
from typing import Any

from models.common.messages import TimelineEntry
from models.common.operations import Operation, Operations
from models.common.operator_message import ActionMessage
from tests.third_procedure.messages import ManualCase, ManualOutcome, ManualStage


class ManualOperation(Operation):
    SENT = "sent", ActionMessage, "発送を記録する"
    WITHDRAW = "withdraw", ActionMessage, "取り下げる"


@dataclass
class ManualState:
    case: ManualCase
    stage: ManualStage = ManualStage.REQUESTED
    outcome: ManualOutcome | None = None
    timeline: list[TimelineEntry] = field(default_factory=list)


def _refusal(_operation: ManualOperation, state: ManualState) -> str | None:
    return "この依頼は、すでに終了しています。" if state.outcome else None


def _refusal_of(_message: ActionMessage, _state: ManualState) -> None:
    return None


def _example(_operation: ManualOperation, _state: ManualState) -> dict[str, Any]:
    return {"by": "あなたの名前", "reason": "理由"}


OPERATIONS: Operations[ManualOperation, ManualState] = Operations(
    tuple(ManualOperation), _refusal, _refusal_of, _example
)
