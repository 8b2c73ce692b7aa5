"""What the single steps of every procedure have in common: one activity each, under a named policy."""

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any, Protocol, TypeVar

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from workflows.common.activity_options import REGISTRY
    from workflows.common.business_days import business_days_after_today
    from workflows.common.operator_updates import asked_as

Input = TypeVar("Input")
Output = TypeVar("Output")


class View(Protocol):
    """What a procedure shows of its activities."""

    def ended(self, activity: str) -> None:
        """Take back that this activity keeps failing, if it was so."""


class Steps:
    """The base of a procedure's steps."""

    def __init__(self, view: View) -> None:
        self._view_of_activities = view
        self._occurrences = 0

    async def business_days_after_today(self, *counts: int) -> tuple[date, ...]:
        """Ask for business days, as this deployment's calendar has them."""
        return await business_days_after_today(*counts)

    def _counted(self) -> dict[str, Any]:
        """Return what tells a step from others of its kind: a number, and the update that asks for it if one does."""
        self._occurrences += 1
        return {"occurrence": self._occurrences, "asked_as": asked_as()}

    async def _ask(
        self,
        activity: Callable[[Any, Input], Awaitable[Output]],
        asked: Input,
        summary: str,
        options: dict[str, Any] = REGISTRY,
    ) -> Output:
        try:
            answer: Output = await workflow.execute_activity_method(activity, asked, summary=summary, **options)
        finally:
            self._view_of_activities.ended(activity.__name__)
        return answer
