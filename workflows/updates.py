"""Declaring what operators choose from the Web UI's list of updates."""

from collections.abc import Awaitable, Callable
from functools import update_wrapper
from typing import Any, ParamSpec, Protocol, TypeVar

from temporalio import workflow
from temporalio.workflow import UpdateMethodMultiParam

with workflow.unsafe.imports_passed_through():
    from models.actions import ActionMessage
    from models.operations import Operation

Parameters = ParamSpec("Parameters")
Answer = TypeVar("Answer")
Declared = UpdateMethodMultiParam[Parameters, Answer]


def update_described(
    description: str,
) -> Callable[[Callable[Parameters, Awaitable[Answer]]], Declared[Parameters, Answer]]:
    """Declare an asynchronous update with the description that the Web UI shows beside its name.

    The SDK's own decorator does the same, but with a description its type takes the coroutine for the answer.
    """

    def declare(handler: Callable[Parameters, Awaitable[Answer]]) -> Declared[Parameters, Answer]:
        described: Callable[..., Declared[Parameters, Answer]] = workflow.update(description=description)
        return described(handler)

    return declare


class Guarded(Protocol):
    """A procedure that knows which of its operations are possible now."""

    def check_possible(self, action: Any, message: ActionMessage) -> None:
        """Raise `ApplicationError` with the reason if it is not."""


Procedure = TypeVar("Procedure", bound=Guarded)
Message = TypeVar("Message", bound=ActionMessage)
Handler = Callable[[Procedure, Message], Awaitable[None]]


def operator_action(action: Operation) -> Callable[[Handler[Procedure, Message]], Declared[[Procedure, Message], None]]:
    """Declare the update of an action, whose validator refuses it before it enters history if it is not possible."""

    def declare(handler: Handler[Procedure, Message]) -> Declared[[Procedure, Message], None]:
        declared: Declared[[Procedure, Message], None] = update_described(action.label)(handler)

        def check(self: Procedure, message: Message) -> None:
            # A JSON null comes as None, whatever the type: it is read as every other wrong value.
            self.check_possible(action, action.message.model_validate(message))

        # The SDK wants a validator to have the very parameters of its handler.
        declared.validator(update_wrapper(check, handler, assigned=("__annotations__",)))
        return declared

    return declare
