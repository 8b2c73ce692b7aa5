"""Declaring what operators choose from the Web UI's list of updates."""

from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

from temporalio import workflow
from temporalio.workflow import UpdateMethodMultiParam

Parameters = ParamSpec("Parameters")
Answer = TypeVar("Answer")


def update_described(
    description: str,
) -> Callable[[Callable[Parameters, Awaitable[Answer]]], UpdateMethodMultiParam[Parameters, Answer]]:
    """Declare an asynchronous update with the description that the Web UI shows beside its name.

    The SDK's own decorator does the same, but with a description its type takes the coroutine for the answer.
    """

    def declare(handler: Callable[Parameters, Awaitable[Answer]]) -> UpdateMethodMultiParam[Parameters, Answer]:
        described: Callable[..., UpdateMethodMultiParam[Parameters, Answer]] = workflow.update(description=description)
        return described(handler)

    return declare
