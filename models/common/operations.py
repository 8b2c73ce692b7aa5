"""What every procedure's operations have in common: what they are called, when they are possible, how each is sent."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, Self, TypeVar

from models.common.operator_actions import EndCase
from models.common.operator_message import ActionMessage
from models.common.placeholders import REASON, TEXT_FOR_CUSTOMER


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


def usual_example(operation: Operation) -> dict[str, Any]:
    """Return the JSON of an operation that says why, and, if it ends the case, what the customer reads."""
    ending = TEXT_FOR_CUSTOMER if issubclass(operation.message, EndCase) else {}
    return {REASON.field: REASON.text, **ending}


@dataclass(frozen=True)
class Operations(Generic[Op, State]):
    """The operations of one procedure: one set of rules, for what enters history and for what is shown."""

    every: tuple[Op, ...]
    refusal: Callable[[Op, State], str | None]
    """Why an operation of this kind cannot be done now, whatever it says."""
    refusal_of: Callable[[ActionMessage, State], str | None] = lambda _message, _state: None
    """What is wrong with what this message says; nothing, where it only says why."""
    example: Callable[[Op, State], dict[str, Any]] = lambda operation, _state: usual_example(operation)
    """The JSON of an operation, ready to copy, with placeholders where only a person knows the value."""

    def refuse(self, operation: Op, message: ActionMessage, state: State) -> str | None:
        """Return why the operation cannot be done now and what can be, in Japanese; None if it can."""
        if reason := self.why_not(operation, message, state):
            possible = "、".join(each.value for each in self.available(state)) or "なし"
            return f"{reason}いまできる操作：{possible}"
        return None

    def why_not(self, operation: Op, message: ActionMessage, state: State) -> str | None:
        """Return the reason alone."""
        if message.misread:
            return f"JSON を読み取れません（{'、'.join(message.misread)}）。例：{self.json(operation, state)}　"
        return self.refusal(operation, state) or self.refusal_of(message, state)

    def available(self, state: State) -> list[Op]:
        """Return what can be done now."""
        return [operation for operation in self.every if self.refusal(operation, state) is None]

    def json(self, operation: Op, state: State, indent: int | None = None) -> str:
        return json.dumps(self.example(operation, state), ensure_ascii=False, indent=indent)
