"""What is known of a request, what operators can do with it, and when (step 2)."""

from dataclasses import dataclass

from models.common.allowed_actors import ON_CASES, Permissions
from models.common.case_state import CaseState
from models.common.operations import Operation, Operations
from models.common.operator_actions import EndCase
from models.common.operator_message import ActionMessage
from tests.third_procedure.messages import ManualCase, ManualOutcome, ManualStage


class ManualOperation(Operation):
    SENT = "sent", ActionMessage, "発送を記録する"
    WITHDRAW = "withdraw", EndCase, "取り下げる"


@dataclass(kw_only=True)
class ManualState(CaseState):
    case: ManualCase
    stage: ManualStage = ManualStage.REQUESTED
    outcome: ManualOutcome | None = None
    text_for_customer: str = ""

    @property
    def points(self) -> tuple[str, ...]:
        return (self.text_for_customer,) if self.text_for_customer else ()


def _refusal(_operation: ManualOperation, state: ManualState) -> str | None:
    return "この依頼は、すでに終了しています。" if state.leaving else None


OPERATIONS: Operations[ManualOperation, ManualState] = Operations(tuple(ManualOperation), _refusal)

PERMISSIONS: Permissions = {"ManualRequest": dict.fromkeys(ManualOperation, ON_CASES)}
"""Who may send them: without a line here nobody may."""
