"""Declaring what operators choose from the Web UI's list of updates."""

from collections.abc import Awaitable, Callable
from functools import update_wrapper, wraps
from typing import Any, ParamSpec, Protocol, TypeVar

from temporalio import workflow
from temporalio.exceptions import ApplicationError
from temporalio.workflow import UpdateMethodMultiParam

from models.common.identifiers import first_try
from models.common.operations import Operation
from models.common.operator_message import ActionMessage
from models.common.refusals import OperationRefusal
from workflows.common.case_view import CaseView

Parameters = ParamSpec("Parameters")
Output = TypeVar("Output")
Declared = UpdateMethodMultiParam[Parameters, Output]


def update_described(
    description: str,
) -> Callable[[Callable[Parameters, Awaitable[Output]]], Declared[Parameters, Output]]:
    """Declare an asynchronous update with the description that the Web UI shows beside its name.

    The SDK's own decorator does the same, but with a description its type takes the coroutine for the output.
    """

    def declare(handler: Callable[Parameters, Awaitable[Output]]) -> Declared[Parameters, Output]:
        described: Callable[..., Declared[Parameters, Output]] = workflow.update(description=description)
        return described(handler)

    return declare


class OperatedProcedure(Protocol):
    """A procedure that knows which of its operations are possible now, and shows what they change."""

    view: CaseView

    def check_possible(self, action: Any, message: ActionMessage) -> None:
        """Raise `ApplicationError` with the reason if it is not."""


Procedure = TypeVar("Procedure", bound=OperatedProcedure)
Message = TypeVar("Message", bound=ActionMessage)
Handler = Callable[[Procedure, Message], Awaitable[None]]


def refused(reason: str) -> ApplicationError:
    """Return the error that keeps an update out of history; who sent it reads its text, in a form beside its field."""
    details = (reason.details,) if isinstance(reason, OperationRefusal) else ()
    return ApplicationError(reason, *details, type="Refused", non_retryable=True)


def operator_action(
    action: Operation, description: str | None = None
) -> Callable[[Handler[Procedure, Message]], Declared[[Procedure, Message], None]]:
    """Declare the update of an action, whose validator refuses it before it enters history if it is not possible.

    `description` is shown beside its name; by default, the action's label.
    """

    def declare(handler: Handler[Procedure, Message]) -> Declared[[Procedure, Message], None]:
        @wraps(handler)
        async def operate(self: Procedure, message: Message) -> None:
            await handler(self, message)
            self.view.show()

        declared: Declared[[Procedure, Message], None] = update_described(description or action.label)(operate)

        def check(self: Procedure, message: Message | None = None) -> None:
            # Sent without any JSON, there is no message at all; a JSON null comes as None, whatever the type.
            read = action.message.model_validate(message).read_strictly()
            self.check_possible(action, read)

        # The SDK wants a validator to have the very parameters of its handler.
        declared.validator(update_wrapper(check, handler, assigned=("__annotations__",)))
        return declared

    return declare


def current_update_id() -> str | None:
    """Return the id of the update that is being handled, for the ledger keys of its steps; None outside of one.

    After a Reset the workflow counts its steps anew: without this, another operation would be taken for a done one.
    What is sent again because a step could not be taken is the same operation: what was done all the same is not done
    twice.
    """
    handled = workflow.current_update_info()
    return first_try(handled.id) if handled else None
