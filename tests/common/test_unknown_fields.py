"""What becomes of a field that nobody knows: what is kept stays readable, and whoever mistypes a name reads so."""

import base64
import json
from datetime import date
from enum import StrEnum
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError
from pydantic_settings import BaseSettings
from temporalio.client import WorkflowHistory

from models.common.message import FromOutside, Message
from models.common.operator_message import ActionMessage
from models.common.operators import Handle
from tests.support.matrices import mostly_long
from tests.support.product_models import every
from tests.support.recorded_histories import HISTORIES
from tests.support.sandbox import replay

NOT_TAKEN = "memo：この項目は受け付けていません。名前を確認してください。"
SAID = {"reason": "お電話"}


def refused_fields(model: type[BaseModel], sent: dict[str, Any]) -> list[tuple[int | str, ...]]:
    try:
        model.model_validate(sent)
    except ValidationError as error:
        return [each["loc"] for each in error.errors() if each["type"] == "extra_forbidden"]
    return []


def needed(operation: type[ActionMessage]) -> dict[str, str]:
    """Return what has to be said with an operation."""
    return SAID | {
        name: _some(field.annotation)
        for name, field in operation.model_fields.items()
        if field.is_required() and name not in SAID
    }


def _some(kind: Any) -> str:
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return next(iter(kind)).value
    return {date: "2026-11-20", int: "1", Handle: "sk"}.get(kind, "taro@example.jp")


OPERATIONS = every(ActionMessage)
KEPT = [model for model in every(Message) if model not in {ActionMessage, *OPERATIONS}]


@pytest.mark.parametrize("kept", KEPT)
def test_what_is_kept_is_read_whatever_it_holds_besides(kept: type[Message]) -> None:
    assert refused_fields(kept, {"memo": "x"}) == []


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_with_an_unknown_field_is_refused_by_its_validator_and_read_on_replay(
    operation: type[ActionMessage],
) -> None:
    known = operation.model_validate(needed(operation))
    assert known.misread == ()
    assert known.read_strictly() == known
    mistyped = operation.model_validate(needed(operation) | {"memo": "x"})
    assert mistyped.misread == ()
    assert mistyped.model_dump(include=set(operation.model_fields)) == known.model_dump()
    assert mistyped.read_strictly().misread == (NOT_TAKEN,)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_mistyped_name_of_a_field_that_is_needed_is_named_beside_what_is_missing(
    operation: type[ActionMessage],
) -> None:
    read = operation.model_validate_json(json.dumps(needed(operation) | {"reason": "", "memo": "x"}))
    assert read.misread == ("reason：1 文字以上で入力してください。", NOT_TAKEN)


@pytest.mark.parametrize("outside", every(FromOutside))
def test_what_comes_from_outside_is_refused_with_a_field_that_nobody_knows(outside: type[FromOutside]) -> None:
    assert refused_fields(outside, {"memo": "x"}) == [("memo",)]


def test_no_class_has_a_rule_of_its_own() -> None:
    others = [model for model in every(BaseModel) if not issubclass(model, Message | FromOutside | BaseSettings)]
    files = {f"models.common.{name}" for name in ("audit_trail", "audit_export", "audit_heads", "journal")}
    assert {model.__module__ for model in others if "extra" in model.model_config} <= files | {
        "workers.backup.manifest"
    }


@pytest.mark.parametrize("name", mostly_long(sorted(HISTORIES), each_time=sorted(HISTORIES)[::10]))
async def test_a_history_replays_whatever_fields_its_messages_had_besides(name: str) -> None:
    history = WorkflowHistory.from_json(name, _with_fields_of_another_build(json.loads(HISTORIES[name])))
    await replay(history)


def _with_fields_of_another_build(event: Any, *, said: bool = False) -> Any:
    """Add a field to everything that was said to the workflow: inputs, and what its activities have answered."""
    if isinstance(event, list):
        return [_with_fields_of_another_build(part, said=said) for part in event]
    if not isinstance(event, dict):
        return event
    if said and "data" in event:
        value = json.loads(base64.b64decode(event["data"]))
        return event | {"data": base64.b64encode(json.dumps(_with_memo(value)).encode()).decode()}
    return {
        key: _with_fields_of_another_build(part, said=said or key in {"input", "result"}) for key, part in event.items()
    }


def _with_memo(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_memo(part) for part in value]
    if isinstance(value, dict):
        return {key: _with_memo(part) for key, part in value.items()} | {"memo": "x"}
    return value
