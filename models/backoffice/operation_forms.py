"""The form of an operation, made from its message: which fields it has, and what they begin with."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, get_args

from pydantic.fields import FieldInfo

from models.common.operations import Operation
from models.common.operator_actions import HandOver
from models.common.operator_message import ActionMessage
from models.common.possible_operations import Choice, PossibleOperation
from models.common.refusals import FieldError, RefusedError

CHOICE, COLLEAGUE, REASON, TEXT_FOR_CUSTOMER = "choice", "to", "reason", "text_for_customer"
CHOOSE_AGAIN = "選べるものが変わりました。もう一度選んでください。"
CHOOSE = "どれかを選んでください。"
FILL_IN = "入力してください。"
_LONG = 500
"""Characters from which on a field has several lines."""
_NEVER = frozenset(ActionMessage.model_fields) - {REASON}


class FieldKind(StrEnum):
    """How a field is filled in."""

    LINE = "line"
    LINES = "lines"
    DAY = "day"
    CHOICE = "choice"


@dataclass(frozen=True)
class OperationField:
    """One field of a form."""

    name: str
    label: str
    kind: FieldKind
    required: bool
    hint: str = ""
    options: tuple[tuple[str, str], ...] = ()
    """Of a choice: what is sent, and what is read."""


@dataclass(frozen=True)
class OperationForm:
    """The form of an operation that is possible now. `entered`: what the records know of fields of this name."""

    operation: Operation
    possible: PossibleOperation
    colleagues: Sequence[tuple[str, str]] = ()
    """Who can take a case: by which name, and how it is shown."""
    entered: Mapping[str, str] | None = None

    @property
    def fields(self) -> tuple[OperationField, ...]:
        """The fields in the order of the page: what is done, then why, then what the customer reads."""
        own = [name for name in self._message.model_fields if name not in {*_NEVER, REASON, TEXT_FOR_CUSTOMER}]
        chosen = self._chosen
        shown = [name for name in own if name not in chosen and name not in self.possible.unneeded]
        last = [name for name in (REASON, TEXT_FOR_CUSTOMER) if name in self._message.model_fields]
        choice = (self._choice_field,) if self.possible.choices else ()
        return (*choice, *(self._field(name) for name in (*shown, *last)))

    @property
    def labels(self) -> dict[str, str]:
        return {each.name: each.label for each in self.fields}

    @property
    def begun(self) -> dict[str, str]:
        """What the fields hold before anything is typed; a choice only if there is no other."""
        known = {**(self.entered or {}), **self.possible.known}
        begun = {each.name: known.get(each.name, "") for each in self.fields}
        if len(self.possible.choices) == 1:
            begun[CHOICE] = _key(self.possible.choices[0])
        return begun

    @property
    def only_choice(self) -> Choice | None:
        """What it is about, if nothing else could be chosen."""
        return self.possible.choices[0] if len(self.possible.choices) == 1 else None

    def choice(self, key: str) -> Choice | None:
        """Return what is chosen; if that is nothing, the likeliest; None if nothing can be."""
        return next(
            (each for each in self.possible.choices if _key(each) == key), next(iter(self.possible.choices), None)
        )

    def content(self, typed: Mapping[str, str]) -> dict[str, Any]:
        """Return the message's JSON as it is sent, in its normal form.

        What need not be filled in and is left as it was is no part of it.

        Raises:
            RefusedError: with what is wrong beside each field.

        """
        begun, said, errors = self.begun, dict[str, str](), list[FieldError]()
        for field in self.fields:
            value = typed.get(field.name, "").strip()
            if field.name == CHOICE:
                continue
            if not value and field.required:
                wanted = CHOOSE if field.kind is FieldKind.CHOICE else FILL_IN
                errors.append(FieldError(field=field.name, message=wanted))
            elif value and (field.required or value != begun[field.name]):
                said[field.name] = value
        try:
            said |= self._choose(typed.get(CHOICE, ""))
        except RefusedError as refused:
            errors += refused.errors
        try:
            message = self._message.typed(said)
        except RefusedError as refused:
            known = {each.field for each in errors}
            beside = [FieldError(field=self.beside(each.field), message=each.message) for each in refused.errors]
            raise RefusedError([*errors, *(each for each in beside if each.field not in known)]) from None
        if errors:
            raise RefusedError(errors)
        return message.model_dump(mode="json", exclude_unset=True, exclude_none=True)

    def beside(self, field: str) -> str:
        """Return beside which of the form's fields a refusal of a message's field stands."""
        if field in self._chosen:
            return CHOICE
        return field if field in self.labels else ""

    @property
    def _message(self) -> type[ActionMessage]:
        return self.operation.message

    @property
    def _chosen(self) -> frozenset[str]:
        """The fields of the message whose values are chosen together."""
        return frozenset(name for choice in self.possible.choices for name in choice.values)

    @property
    def _choice_field(self) -> OperationField:
        first = next(iter(self.possible.choices[0].values))
        options = tuple((_key(each), each.label) for each in self.possible.choices)
        return OperationField(
            CHOICE, _title(self._message.model_fields[first], first), FieldKind.CHOICE, True, "", options
        )

    def _choose(self, key: str) -> Mapping[str, str]:
        if not self.possible.choices:
            return {}
        if not key:
            raise RefusedError([FieldError(field=CHOICE, message=CHOOSE)])
        chosen = next((each for each in self.possible.choices if _key(each) == key), None)
        if chosen is None:
            raise RefusedError([FieldError(field=CHOICE, message=CHOOSE_AGAIN)])
        return chosen.values

    def _field(self, name: str) -> OperationField:
        info = self._message.model_fields[name]
        options = (
            tuple(self.colleagues) if name == COLLEAGUE and issubclass(self._message, HandOver) else _options(info)
        )
        kind = FieldKind.CHOICE if options else _kind(info)
        return OperationField(name, _title(info, name), kind, info.is_required(), info.description or "", options)


def _title(info: FieldInfo, name: str) -> str:
    return info.title or name


def _kind(info: FieldInfo) -> FieldKind:
    if date in _types(info):
        return FieldKind.DAY
    longest = next((each.max_length for each in info.metadata if hasattr(each, "max_length")), 0)
    return FieldKind.LINES if longest > _LONG else FieldKind.LINE


def _options(info: FieldInfo) -> tuple[tuple[str, str], ...]:
    """Return what an enumeration offers of which the case says nothing narrower."""
    for kind in _types(info):
        if isinstance(kind, type) and issubclass(kind, StrEnum):
            return tuple((each.value, str(getattr(each, "label", each.value))) for each in kind)
    return ()


def _types(info: FieldInfo) -> tuple[Any, ...]:
    types = get_args(info.annotation) or (info.annotation,)
    return tuple(getattr(each, "__origin__", each) for each in types)


def _key(choice: Choice) -> str:
    """Return what stands for a choice in the form: the same for the same values."""
    values = json.dumps(choice.values, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(values.encode()).hexdigest()[:16]
