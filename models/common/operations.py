"""What every procedure's operations have in common: what they are called, when they are possible, what is known."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, Self, TypeVar

from models.common.operator_message import ActionMessage
from models.common.possible_operations import Choice, PossibleOperation
from models.common.refusals import OperationRefusal


class Operation(StrEnum):
    """An update of a procedure, by its name in the Web UI's list, with what is sent; each procedure's are an enum."""

    message: type[ActionMessage]
    """What is sent with it."""
    label: str
    """What it is called in the operators' language."""

    def __new__(cls, name: str, message: type[ActionMessage], label: str) -> Self:
        operation = str.__new__(cls, name)
        operation._value_ = name
        operation.message, operation.label = message, label
        return operation


Op = TypeVar("Op", bound=Operation)
State = TypeVar("State")


@dataclass(frozen=True)
class Operations(Generic[Op, State]):
    """The operations of one procedure: one set of rules, for what enters history and for what forms offer."""

    every: tuple[Op, ...]
    refusal: Callable[[Op, State], str | None]
    """Why an operation of this kind cannot be done now, whatever it says."""
    refusal_of: Callable[[ActionMessage, State], str | None] = lambda _message, _state: None
    """What is wrong with what this message says; nothing, where it only says why. An `OperationRefusal` names it."""
    known: Callable[[Op, State], dict[str, str]] = lambda _operation, _state: {}
    """What the fields of an operation's form begin with."""
    choices: Callable[[Op, State], tuple[Choice, ...]] = lambda _operation, _state: ()
    """What can be chosen in its form, the likeliest first."""
    unneeded: Callable[[Op, State], tuple[str, ...]] = lambda _operation, _state: ()
    """The fields of its message that a case of this kind does not have."""
    labels: Mapping[Op, str] = field(default_factory=dict)
    """What operations are called here, if not by their own labels."""

    def label(self, operation: Op) -> str:
        return self.labels.get(operation, operation.label)

    def refuse(self, operation: Op, message: ActionMessage, state: State) -> OperationRefusal | None:
        """Return why the operation cannot be done now and what can be, in Japanese; None if it can."""
        if (reason := self.why_not(operation, message, state)) is None:
            return None
        possible = "、".join(each.value for each in self.available(state)) or "なし"
        return OperationRefusal(
            f"{reason}いまできる操作：{possible}", in_forms=reason, field=getattr(reason, "field", "")
        )

    def why_not(self, operation: Op, message: ActionMessage, state: State) -> str | None:
        """Return the reason alone."""
        if message.misread:
            return f"JSON を読み取れません（{'、'.join(message.misread)}）。"
        return self.refusal(operation, state) or self.refusal_of(message, state)

    def available(self, state: State) -> list[Op]:
        """Return what can be done now."""
        return [operation for operation in self.every if self.refusal(operation, state) is None]

    def offered(self, state: State) -> tuple[PossibleOperation, ...]:
        """Return what can be done now, with what its form begins with."""
        return tuple(
            PossibleOperation(
                operation=each.value,
                label=self.label(each),
                known=self.known(each, state),
                choices=self.choices(each, state),
                unneeded=self.unneeded(each, state),
            )
            for each in self.available(state)
        )

    def refusals(self, state: State) -> dict[str, str]:
        """Return why each of the others cannot be done, by its name."""
        reasons = ((each.value, self.refusal(each, state)) for each in self.every)
        return {name: reason for name, reason in reasons if reason is not None}
