"""Y8: what several forms ask for is read alike by each of them, whoever types it where."""

from collections import defaultdict
from datetime import date
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from models.common.message import FromOutside
from models.common.names import Words
from models.common.operator_message import ActionMessage
from models.common.refusals import in_japanese
from models.yayoi.yayoi_id_form import NewPassword
from tests.support.product_models import every

ADDRESS = (" Ｔａｒｏ＠Example.CO.jp　", "taro@example.co.jp")
TOKEN = ("Ｂ0000002－0000‐4000-8000-000000000002 ", "b0000002-0000-4000-8000-000000000002")
CONTRACT = ("　８８７－13 04", "8871304")
NAME = ("　か\u3099くえん ", "がくえん")
DAY = ("２０２６年１１月２８日 ", date(2026, 11, 28))
SPELLINGS: dict[str, tuple[str, object]] = {
    "address": ADDRESS,
    "application_no": ("ｙｓ ０００１２３ ", "YS-000123"),
    "asked_from": DAY,
    "contract_id": CONTRACT,
    "customer_no": ("１０００-2003－01 ", "1000200301"),
    "existing_contract_id": CONTRACT,
    "family_name": NAME,
    "given_name": NAME,
    "group": ADDRESS,
    "issued_contract_id": CONTRACT,
    "keyword": (" Ａｏｂａ　の ｷｰﾜｰﾄﾞ", "Aobaのキ-ワ-ド"),
    "leave_from": DAY,
    "leave_until": DAY,
    "mail_address": ADDRESS,
    "name": NAME,
    "office_name": NAME,
    "office_token": TOKEN,
    "relinked_on": DAY,
    "service": ("　みす\u3099うみ銀行 普通 ", "みずうみ銀行 普通"),
    "suffix": ("００12 ", "0012"),
    "until": DAY,
    "yayoi_id": ADDRESS,
    "yayoi_id_confirmation": ADDRESS,
}
"""How somebody may type a field, and what is kept or compared."""
CHOSEN = {
    "kind": "of several things",
    "reason": "no form compares it",
    "text_for_customer": "nor this",
    "note": "never stored",
    "to": "of the colleagues who are there",
}
NOT_TYPED = {
    *("event_id", "misread", "record", "source", "status", "network_product", "office_no", "group_name", "offices"),
    *("administrator", "roles", "supervisor", "service_kind", "step", "salt", "asked", "commitment", "link"),
    *("handle", "takes_cases"),
}
"""Numbers of our own, choices, and what we answer."""
AS_IT_IS = {"password", "password_confirmation"}
"""A password is what was typed, letter by letter (Y26)."""


PLAIN = {"EnquiryForm", "NewPassword", "_Notice", "_WhosePassword"}
"""Forms that leave aside what else a page sends."""


def forms() -> list[type[BaseModel]]:
    """Every form, message of an operator and row of a file. What we keep or answer has been read before."""
    plain = [form for form in BaseModel.__subclasses__() if form.__name__ in PLAIN]
    return [*every(FromOutside), *every(ActionMessage), *plain, *every(NewPassword)]


def shared_fields() -> dict[str, list[tuple[str, FieldInfo]]]:
    """Return the fields that more than one form of a product has, by their name."""
    fields: dict[tuple[bool, str], list[tuple[str, FieldInfo]]] = defaultdict(list)
    for form in forms():
        for name, field in form.model_fields.items():
            fields[".myics." in form.__module__, name].append((form.__name__, field))
    shared: dict[str, list[tuple[str, FieldInfo]]] = defaultdict(list)
    for (_, name), uses in fields.items():
        if len(uses) > 1:
            shared[name] += uses
    return shared


SHARED = shared_fields()


def test_y8_every_field_of_two_forms_is_tried_here() -> None:
    assert set(SHARED) - set(SPELLINGS) - set(CHOSEN) - NOT_TYPED - AS_IT_IS == set()


@pytest.mark.parametrize("name", SPELLINGS)
def test_y8_each_form_reads_a_shared_field_alike(name: str) -> None:
    typed, kept = SPELLINGS[name]
    read = {form: _reader(field).validate_python(typed) for form, field in SHARED[name]}
    assert len(read) > 1
    assert read == dict.fromkeys(read, kept)


def _reader(field: FieldInfo) -> TypeAdapter[Any]:
    return TypeAdapter(Annotated[(field.annotation, "as its form has it", *field.metadata)])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "1 文字以上で入力してください。"),
        ("あ" * 11, "10 文字以内で入力してください。"),
        ("\ud800", "入力内容を確認してください。"),
    ],
)
def test_a_text_of_words_is_refused_in_words(text: str, said: str) -> None:
    words = Annotated[Words, Field(min_length=1, max_length=10)]
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(words).validate_python(text)
    assert [error.message for error in in_japanese(refused.value.errors())] == [said]
    if text == "\ud800":
        with pytest.raises(ValidationError):
            TypeAdapter(Words).validate_python(text)
