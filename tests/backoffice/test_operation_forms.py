"""The forms of operations, made from their messages: every field of every operation, and what is read of each."""

from typing import get_args

import pytest

from models.backoffice.operation_forms import CHOICE, FieldKind, OperationForm
from models.backoffice.operation_permissions import OPERATION_PERMISSIONS
from models.common.calendar import day_in_japan
from models.common.operations import Operation
from models.common.operator_actions import EndCase
from models.common.operator_message import ActionMessage
from models.common.possible_operations import PossibleOperation
from models.common.refusals import RefusedError
from models.yayoi.office_state import OfficeState
from models.yayoi.operator_actions import Action
from models.yayoi.operator_rules import OPERATIONS, refuse_days
from models.yayoi.procedures import SetUpStep, Stage
from tests.support.operator_actions import AT, FILLED_IN, NEEDS_ONE, TABLE, after_notice, asked_for, relinked, state_at

EVERY = [operation for operations in OPERATION_PERMISSIONS.values() for operation in operations]
COLLEAGUES = (("sm", "鈴木"), ("sk", "佐藤（自分）"))
OF_THE_ENGINE = set(ActionMessage.model_fields) - {"reason"}


def form_of(action: Action, state: OfficeState, **entered: str) -> OperationForm:
    [offered] = [each for each in OPERATIONS.offered(state) if each.operation == action]
    return OperationForm(action, offered, COLLEAGUES, entered)


def typed_into(form: OperationForm, **more: str) -> dict[str, str]:
    """What an operator has typed who fills in what is needed."""
    blanks = {each.name: FILLED_IN.get(each.name, "") for each in form.fields if each.required}
    chosen = {CHOICE: form.fields[0].options[0][0]} if form.fields[0].name == CHOICE else {}
    return blanks | {name: text for name, text in form.begun.items() if text} | chosen | more


@pytest.mark.parametrize("operation", EVERY, ids=lambda operation: f"{type(operation).__name__}.{operation}")
def test_every_field_of_every_message_has_a_japanese_label_and_nothing_of_the_engine_is_a_field(
    operation: Operation,
) -> None:
    form = OperationForm(operation, PossibleOperation(operation=operation, label=operation.label), COLLEAGUES)
    assert {each.name for each in form.fields} == set(operation.message.model_fields) - OF_THE_ENGINE
    for field in form.fields:
        assert field.label != field.name, field
        assert not field.label.isascii(), field
    assert [each.name for each in form.fields][-1] == (
        "text_for_customer" if issubclass(operation.message, EndCase) else "reason"
    )


@pytest.mark.parametrize(("state", "allowed"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_whatever_is_possible_can_be_filled_in_and_is_taken(state: OfficeState, allowed: set[Action]) -> None:
    """The form's own JSON is read as a validator reads it, and the rules have nothing against it."""
    assert {each.operation for each in OPERATIONS.offered(state)} == allowed
    for action in allowed:
        form = form_of(action, state, yayoi_id="old@example.co.jp", office_token="", issued_contract_id="")
        content = form.content(
            typed_into(form, **{name: FILLED_IN[name] for name in NEEDS_ONE.get(action.message, ())})
        )
        message = action.message.model_validate(content).read_strictly()
        assert OPERATIONS.refuse(action, message, state) is None, (action, content)


def test_days_and_ids_are_forgiven_their_width() -> None:
    state = state_at(Stage.SHARING)
    form = form_of(Action.EXTEND_DEADLINE, state)
    assert [each.kind for each in form.fields if each.name == "until"] == [FieldKind.DAY]
    content = form.content({"reason": " お電話 ", "until": "２０２６－１２－２５"})
    assert content == {"reason": "お電話", "until": "2026-12-25"}
    correction = form_of(Action.CORRECT_PAIR, state_at(Stage.CONFIRMATION, waits_for_holder=True))
    content = correction.content({"reason": "お電話", "yayoi_id": "Ｎｅｗ＠example.co.jp"})
    assert content == {"reason": "お電話", "yayoi_id": "new@example.co.jp"}


def test_what_is_left_as_it_was_entered_is_not_said_again() -> None:
    entered = {"yayoi_id": "old@example.co.jp", "office_token": "c0000003-0000-4000-8000-000000000003"}
    form = form_of(Action.CORRECT_PAIR, state_at(Stage.CONFIRMATION, waits_for_holder=True), **entered)
    assert form.begun | entered == form.begun
    assert form.content({**entered, "reason": "お電話", "yayoi_id": "new@example.co.jp"}) == {
        "reason": "お電話",
        "yayoi_id": "new@example.co.jp",
    }
    assert "issued_contract_id" not in form.labels  # only an addition has one


def test_each_field_says_by_itself_what_is_wrong_with_it_and_all_in_one_round() -> None:
    form = form_of(Action.EXTEND_DEADLINE, state_at(Stage.SHARING))
    with pytest.raises(RefusedError) as refused:
        form.content({"reason": " ", "until": "来週"})
    assert sorted(each.field for each in refused.value.errors) == ["reason", "until"]
    with pytest.raises(RefusedError) as refused:
        form.content({"reason": "お電話", "until": "来週"})
    assert [each.field for each in refused.value.errors] == ["until"]
    correction = form_of(Action.CORRECT_PAIR, state_at(Stage.CONFIRMATION, waits_for_holder=True))
    with pytest.raises(RefusedError) as refused:
        correction.content({"reason": "お電話", "yayoi_id": "山田", "office_token": "123"})
    assert {each.field for each in refused.value.errors} == {"yayoi_id", "office_token"}


def test_only_what_the_case_has_can_be_chosen_and_the_only_choice_is_made_already() -> None:
    state = relinked(after_notice(Stage.RELINK, *SetUpStep))
    [mail] = state.mails
    assert form_of(Action.RESEND_MAIL, state).fields[0].options[0][1] == mail.subject
    correcting = form_of(Action.CORRECT_RELINK, state)
    assert [label for _, label in correcting.fields[0].options] == ["口座連携（連携1）"]
    assert correcting.begun[CHOICE] == correcting.fields[0].options[0][0]
    content = correcting.content(typed_into(correcting))
    assert content["link"] == 1
    with pytest.raises(RefusedError) as refused:
        correcting.content(typed_into(correcting) | {CHOICE: "of another case"})
    assert [each.field for each in refused.value.errors] == [CHOICE]
    assert {value for value, _ in form_of(Action.HAND_OVER, state).fields[0].options} == {"sm", "sk"}


def test_a_refusal_by_the_rules_stands_beside_the_field_that_it_is_about() -> None:
    state = state_at(Stage.SHARING)
    form = form_of(Action.EXTEND_DEADLINE, state)
    message = Action.EXTEND_DEADLINE.message.model_validate({"reason": "お電話", "until": "2020-01-01"})
    refusal = refuse_days(message, state, day_in_japan(AT))
    assert refusal is not None
    assert form.beside(getattr(refusal, "field", "")) == "until"
    asked = asked_for(after_notice(Stage.SET_UP, SetUpStep.SUPPORT_PASSWORD))
    approving = form_of(Action.APPROVE, asked)
    stale = Action.APPROVE.message.model_validate({"reason": "x", "asked": "another", "commitment": "another"})
    refusal = OPERATIONS.refuse(Action.APPROVE, stale, asked)
    assert refusal is not None
    assert approving.beside(refusal.field) == CHOICE
    assert "いまできる操作" in refusal
    assert "いまできる操作" not in refusal.in_forms


def test_optional_days_are_days() -> None:
    form = form_of(Action.REPORT_RELINK, after_notice(Stage.RELINK, *SetUpStep))
    kinds = {each.name: each.kind for each in form.fields}
    assert (kinds["relinked_on"], kinds["asked_from"]) == (FieldKind.DAY, FieldKind.DAY)
    assert get_args(Action.REPORT_RELINK.message.model_fields["asked_from"].annotation)
