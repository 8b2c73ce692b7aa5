"""The steps that every procedure has: one activity each, under a named policy."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Generic, Protocol, Self, TypeVar

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.common.messages import Assigned
    from models.common.operations import Operation
    from models.common.operator_actions import HandOver
    from models.common.operator_message import ActionMessage
    from workflows.common.activity_options import REGISTRY
    from workflows.common.case_view import CaseView, ShownState
    from workflows.common.operator_updates import current_update_id


class CaseState(ShownState, Protocol):
    """The part of a case's state that every procedure's steps use."""

    assignee: str | None

    @property
    def case(self) -> Any: ...


class _StepInput(Protocol):
    @classmethod
    def of(cls, case: Any, at: datetime, /, **facts: Any) -> Self: ...


State = TypeVar("State", bound=CaseState)
View = TypeVar("View", bound=CaseView[Any])
StepInput = TypeVar("StepInput", bound=_StepInput)
Input = TypeVar("Input")
Output = TypeVar("Output")


class CaseSteps(ABC, Generic[State, View]):
    """The base of a procedure's steps: they change the state of its case by the outputs of activities."""

    def __init__(self, state: State, view: View) -> None:
        self._state = state
        self._view = view
        self._occurrences = 0

    async def record(self, operation: Operation, message: ActionMessage, detail: str = "") -> None:
        """Put what somebody did into the audit trail and the timeline."""
        self._view.note(f"{operation.label}{detail}", message)
        await self._audit(f"{operation.label}{detail}", message)

    async def hand_over(self, message: HandOver) -> None:
        """Give the case to a named operator; a final error says why that is not possible."""
        await self._assign(to=message.to, by=message.by, reason=message.reason)

    async def reassign(self) -> None:
        """Give the case to whoever has the fewest cases, but not to whom it was with."""
        await self._assign(but_not=self._state.assignee, by="system", reason="期限までに対応されなかったため")

    async def _assign(self, *, by: str, reason: str, to: str | None = None, but_not: str | None = None) -> None:
        assigned = await self._find_operator(to=to, but_not=but_not, by=by, reason=reason)
        if assigned.operator:
            self._state.assignee = assigned.operator
            self._view.note(f"担当者は{assigned.operator}（{by}：{reason}）")

    @abstractmethod
    async def _find_operator(self, **facts: str | None) -> Assigned:
        """Run the activity that assigns the case."""

    @abstractmethod
    async def _audit(self, action: str, message: ActionMessage) -> None:
        """Run the activity that puts an action into the audit trail."""

    def _input(self, kind: type[StepInput], /, **facts: Any) -> StepInput:
        """Build an activity's input for this case, at the workflow's own time."""
        return kind.of(self._state.case, workflow.now(), **facts)

    def _next_occurrence(self, message: ActionMessage | None = None) -> dict[str, Any]:
        """Return what distinguishes a step from others of its kind; with a message, also who sent it, and why."""
        self._occurrences += 1
        by = {"by": message.by, "reason": message.reason} if message else {}
        return {"occurrence": self._occurrences, "asked_as": current_update_id(), **by}

    async def _run(
        self,
        activity: Callable[[Any, Input], Awaitable[Output]],
        input_: Input,
        summary: str,
        options: workflow.ActivityConfig = REGISTRY,
    ) -> Output:
        try:
            return await workflow.execute_activity_method(activity, input_, **options | {"summary": summary})
        finally:
            self._view.activity_ended(activity.__name__)
