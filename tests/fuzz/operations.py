"""Every update message, by each way it comes: straight at Temporal's port, by the Web UI's dialog, form and command.

And the forms of a provider, which another system makes as it likes.
"""

import json
from contextlib import suppress
from typing import Any

from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from temporalio.api.common.v1 import Payload
from temporalio.contrib.pydantic import pydantic_data_converter

from models.backoffice.operation_forms import OperationForm
from models.backoffice.operation_permissions import OPERATION_PERMISSIONS
from models.common.commitments import ContentError, canonical
from models.common.operator_message import ActionMessage
from models.common.possible_operations import PossibleOperation
from models.common.refusals import RefusedError
from models.common.refusals import in_japanese as said_of
from models.yayoi.application_form import ApplicationForm
from models.yayoi.events import Event
from models.yayoi.provider_forms.mapping import OwnFields
from models.yayoi.provider_forms.refused import readable, refused_fields, what_is_wrong
from tests.fuzz.inputs import as_json, json_values, near, near_json, texts
from tests.fuzz.target import JAPANESE, FuzzTarget, in_japanese
from tests.support.provider_forms import EXAMPLE, answers
from tests.support.web import application
from web.backoffice.web_ui_updates import MisreadError, read
from workers.commands.act import content_of
from workers.program import ClearError

OPERATIONS = {
    f"{procedure}.{operation}": operation
    for procedure, operations in OPERATION_PERMISSIONS.items()
    for operation in operations
}
"""All of the code's, by procedure and name."""
CONVERTER = pydantic_data_converter.payload_converter
SAID = {
    "reason": "お電話がありました",
    "text_for_customer": "お客様へ",
    "until": "2026-12-01",
    "to": "sk",
    "kind": "receipt",
    "yayoi_id": "b@example.co.jp",
    "office_token": "b0000002-0000-4000-8000-000000000002",
    "step": "support_password",
    "service": "しおさい銀行",
    "relinked_on": "2026-11-20",
    "days": "5",
    "salt": "A" * 43,
}
"""What fits some operation or other."""


def _send(found: bytes) -> None:
    """What Temporal's port takes is a message that can be read, or is refused by its validator in words."""
    for name, operation in OPERATIONS.items():
        payload = Payload(metadata={"encoding": b"json/plain"}, data=found)
        try:
            message: Any = CONVERTER.from_payload(payload, operation.message)
        except (ValueError, RuntimeError, RecursionError):
            continue  # no JSON: the SDK refuses the update before any of ours reads it
        message = operation.message.model_validate(message).read_strictly()
        assert isinstance(message, ActionMessage)
        assert all(JAPANESE.search(wrong) for wrong in message.misread), (name, message.misread)
        assert message.misread or message.reason, name


def _fill_in(found: bytes) -> None:
    """What is typed into an operation's form is a message, or is refused beside fields that the form has."""
    typed = {name: str(value) for name, value in json.loads(found).items()}
    for name, operation in OPERATIONS.items():
        form = OperationForm(operation, PossibleOperation(operation=operation, label=operation.label))
        try:
            content = form.content(typed)
        except RefusedError as refused:
            for error in refused.errors:
                in_japanese(error.message)
                assert error.field in {"", *form.labels}, (name, error)
            continue
        try:
            canonical(content)
        except ContentError:
            raise AssertionError(f"{name}: what its form takes cannot be signed") from None


def _dialog(found: bytes) -> None:
    try:
        content, update_id = read(found)
    except MisreadError as misread:
        in_japanese(str(misread))
        return
    assert isinstance(content, dict)
    assert update_id is None or len(update_id) == len("00000000-0000-0000-0000-000000000000")


def _command(found: bytes) -> None:
    with suppress(ClearError):
        assert isinstance(content_of(found.decode("utf-8", "surrogateescape"), "reason"), dict)


DIALOG = {
    "request": {
        "meta": {"updateId": ""},
        "input": {
            "name": "hold",
            "args": {"payloads": [{"metadata": {"encoding": "anNvbi9wbGFpbg=="}, "data": "e30="}]},
        },
    }
}


# --- what other systems send ------------------------------------------------------------------------------------------

FORM = answers()
EVENTS: TypeAdapter[Any] = TypeAdapter(Event)
EVENT = {
    "kind": "support_password_set",
    "event_id": "7f3c9a52-6b1e-4f0a-9d2b-0a8c5b7e4d10",
    "source": "shop",
    "application_no": "YS-000001",
    "office_no": 1,
    "contract_id": "7000001",
    "mail_address": "b@example.co.jp",
}


def _translate(found: bytes) -> None:
    data = json.loads(found)
    for translation in (EXAMPLE, OwnFields()):
        try:
            form = translation.translate(data, "msg_1", {}).form()
        except RefusedError as refused:
            for error in refused.errors:
                in_japanese(error.message)
            continue
        assert isinstance(form, ApplicationForm)
        assert form.model_dump_json().encode()


def _lay_out(found: bytes) -> None:
    """What was kept of a form is laid out for people, whatever it is."""
    body = found.decode(errors="replace")
    wrong = dict.fromkeys(("", "offices[0].office_token", "answers.'弥生ID'", "submission_id"), "正しくありません。")
    for field in refused_fields(body, wrong, {}):
        assert field.label
        assert isinstance(field.value, str)
    assert what_is_wrong(body, wrong)
    assert readable(body) or not body


def _take_event(found: bytes) -> None:
    try:
        event = EVENTS.validate_python(json.loads(found))
    except ValidationError as refused:
        for error in said_of(refused.errors()):
            in_japanese(error.message)
        return
    assert event.model_dump_json().encode()


typed = st.dictionaries(st.sampled_from(sorted(SAID)) | texts, texts, max_size=6) | near_json(SAID).filter(
    lambda value: isinstance(value, dict)
)
TARGETS = (
    FuzzTarget("update message", (near_json(SAID) | json_values).map(as_json), _send, reads_files=True),
    FuzzTarget("form of an operation", typed.map(as_json), _fill_in),
    FuzzTarget("Send an Update", near_json(DIALOG).map(as_json) | near(as_json(DIALOG)), _dialog, reads_files=True),
    FuzzTarget("operation at the command line", near(as_json(SAID)), _command, reads_files=True),
    FuzzTarget("form of a provider", (near_json(FORM) | near_json(application())).map(as_json), _translate),
    FuzzTarget(
        "kept form of a provider", near_json(FORM).map(as_json) | near(as_json(FORM)), _lay_out, reads_files=True
    ),
    FuzzTarget("event of another system", near_json(EVENT).map(as_json), _take_event),
)
