"""From a provider's fields to ours: what a mapping can say, and what is wrong with one is said at start-up."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.common.refusals import RefusedError
from models.yayoi.identifiers import OfficeToken
from models.yayoi.provider_forms.mapping import FormMapping, OwnFields, Source, submission_id
from workers.program import ClearError
from workers.settings import Settings
from workers.wiring.derived import form_translation, read_mapping

FIELDS: dict[str, Any] = {
    "applicant.family_name": "sei",
    "applicant.given_name": "mei",
    "existing_contract_id": "number",
    "accounting_link": {"constant": True},
    "network_product": {"constant": True},
    "consents.stop_smart_import": {"from": "agreed", "contains": "止めます"},
    "consents.relink_required": {"from": "agreed", "contains": "再連携します"},
}
NUMBERED = {"yayoi_id": "mail_{n}", "yayoi_id_confirmation": "mail_{n}", "office_token": "token_{n}"}
LISTED = {
    "yayoi_id": "pairs[{n}].mail",
    "yayoi_id_confirmation": "pairs[{n}].mail",
    "office_token": "pairs[{n}].token",
}


def mapping(offices: dict[str, Any] | None = None, **fields: Any) -> FormMapping:
    return FormMapping.model_validate({"fields": FIELDS | fields, "offices": offices or NUMBERED})


def token(number: int) -> str:
    return f"b{number:07}-0000-4000-8000-000000000002"


def sent(*numbers: int, **changes: Any) -> dict[str, Any]:
    data: dict[str, Any] = {"sei": "弥生", "mei": "太郎", "number": 8871304, "agreed": ["止めます", "再連携します"]}
    for number in numbers:
        data |= {f"mail_{number}": f"b{number}@example.co.jp", f"token_{number}": token(number)}
    return data | changes


def wrong(translate: FormMapping, data: Any) -> dict[str, str]:
    with pytest.raises(RefusedError) as refused:
        translate.translate(data, "evt_1", {}).form()
    return {error.field: error.message for error in refused.value.errors}


# --- pairs ------------------------------------------------------------------------------------------------------------


def test_numbered_fields_are_pairs_and_empty_ones_are_skipped() -> None:
    form = mapping().translate(sent(1, 3, 20, mail_2="", token_2="　"), "evt_1", {}).form()
    assert [pair.office_token for pair in form.offices] == [token(1), token(3), token(20)]


def test_a_list_of_pairs_is_read_and_mistakes_are_named_by_their_place_in_it() -> None:
    pairs = [{"mail": ""}, {"mail": "b1@example.co.jp", "token": token(1)}, {"mail": "b2@example.co.jp", "token": "x"}]
    errors = wrong(mapping(LISTED), sent(pairs=pairs))
    assert errors == {"pairs[2].token": OfficeToken.why_not("x")}


def test_a_mistake_in_a_numbered_field_is_named_by_its_number() -> None:
    assert wrong(mapping(), sent(1, 4, mail_4="b1@example.co.jp")).keys() == {"mail_1", "mail_4"}


def test_more_than_twenty_pairs_are_refused_and_not_cut_off() -> None:
    assert wrong(mapping(), sent(*range(1, 22))) == {"": "20 件までです。"}
    pairs = [{"mail": f"b{number}@example.co.jp", "token": token(number)} for number in range(21)]
    assert wrong(mapping(LISTED), sent(pairs=pairs)) == {"pairs": "20 件までです。"}


@pytest.mark.parametrize("pairs", [None, [], {}, "b@example.co.jp", [None, 3, "x"]])
def test_no_pairs_at_all_are_refused(pairs: Any) -> None:
    assert wrong(mapping(LISTED), sent(pairs=pairs)) == {"pairs": "1 件以上必要です。"}


# --- values -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "value", "expected"),
    [
        ({"from": "x"}, " text ", " text "),
        ({"from": "x"}, 8871304, "8871304"),
        ({"from": "x"}, True, True),
        ({"from": "x"}, ["one"], "one"),
        ({"from": "x"}, "　", None),
        ({"from": "x", "default": False}, [], False),
        ({"from": "x", "values": {"はい": True}}, " はい", True),
        ({"from": "x", "values": {"弥生会計 24": False}}, "弥生会計　２４", False),
        ({"from": "x", "values": {"1": True}}, 1, True),
        ({"from": "x", "contains": "同意する"}, ["読んだ", "同意する"], True),
        ({"from": "x", "contains": "同意する"}, "同意する", True),
        ({"from": "x", "contains": "同意する"}, None, False),
        ({"constant": False}, "はい", False),
    ],
)
def test_what_a_value_becomes(source: dict[str, Any], value: Any, expected: Any) -> None:
    read = Source.model_validate(source)
    assert read.meaning(read.find({"x": value})) == expected


def test_a_word_without_meaning_is_refused_with_those_that_have_one() -> None:
    errors = wrong(mapping(network_product={"from": "seihin", "values": {"24": False}}), sent(1, seihin="弥生" * 50))
    assert errors == {"seihin": f"「{'弥生' * 20}」は受け付けていません。「24」のいずれかを選んでください。"}


def test_what_is_missing_is_named_by_the_providers_name() -> None:
    errors = wrong(mapping(), sent(1, sei=None, agreed=[]))
    agree = "連携サービスの再連携が必要になることを確認してください。"
    assert errors == {"sei": "入力してください。", "agreed": agree}
    assert wrong(mapping(), sent(1, agreed=["止めます"])) == {"agreed": agree}


@pytest.mark.long
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from([*sent(1), "pairs", "x"]), inner),
    )
)
def test_whatever_is_sent_is_refused_clearly(data: Any) -> None:
    for translation in (mapping(), mapping(LISTED), OwnFields()):
        with pytest.raises(RefusedError):
            translation.translate(data, "evt_1", {}).form()


def test_a_number_of_the_provider_makes_the_submission_else_the_webhook_does() -> None:
    own = "6f1a2b3c-0000-4000-8000-000000000001"
    assert submission_id(own, "evt_1") == own
    assert len({submission_id(given, webhook) for given in ("r-1", "r-2", None) for webhook in ("evt_1", "evt_2")}) == 4
    assert UUID(submission_id("r-1", "evt_1")) == UUID(submission_id("r-1", "evt_2"))


# --- correcting ------------------------------------------------------------------------------------------------------


def test_what_is_corrected_replaces_what_was_sent() -> None:
    agreed = mapping().translate(
        sent(1, sei="Yayoi", agreed=[]), "evt_1", {"sei": "弥生", "mail_1": "b9@example.co.jp"}
    )
    assert agreed.values["applicant"]["family_name"] == "弥生"
    assert agreed.values["offices"][0]["yayoi_id"] == "b9@example.co.jp"
    assert agreed.values["consents"] == {"stop_smart_import": False, "relink_required": False}


@pytest.mark.parametrize("name", ["nmae", "mail_2", "pairs[0].mail"])
def test_what_the_provider_has_not_sent_cannot_be_corrected(name: str) -> None:
    with pytest.raises(ValueError, match="there is no"):
        mapping().translate(sent(1), "evt_1", {name: "x"})


def test_our_own_fields_are_corrected_by_their_names() -> None:
    data = {"applicant": {"family_name": "Yayoi"}, "offices": [{}, {"yayoi_id": "x"}]}
    changes = {
        "applicant.family_name": "弥生",
        "offices.1.yayoi_id": "b@example.co.jp",
        "existing_contract_id": "8871304",
    }
    values = OwnFields().translate(data, "evt_1", changes).values
    assert values["applicant"]["family_name"] == "弥生"
    assert values["offices"] == [{}, {"yayoi_id": "b@example.co.jp"}]
    assert values["existing_contract_id"] == "8871304"
    for name in ("offices.2.yayoi_id", "offices.yayoi_id", "consents.relink_required"):
        with pytest.raises(ValueError, match=f"there is no {name}"):
            OwnFields().translate(data, "evt_1", {name: "x"})


# --- paths ------------------------------------------------------------------------------------------------------------

DATA = {"a": {"b": [{"k": "x", "v": 1}, {"k": "お名前 (姓)", "v": {"w": 2}}]}, "0": "zero"}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("a.b[0].v", 1),
        ("a.b[?k=='お名前 (姓)'].v.w", 2),
        ("a.b[?k=='お名前 (姓)'].v.w | [0]", 2),
        ("a.b[?k=='y'].v", []),
        ("a.b[?k=='y'].v | [0]", None),
        ("a.b[7]", None),
        ("a.b.x", None),
        ("a.c.d", None),
        ('"0"', "zero"),
        ("join('', a.b[*].k)", "xお名前 (姓)"),
        ("join('', a.b[*].v)", None),
    ],
)
def test_a_path_leads_to_a_value_or_to_nothing(path: str, found: Any) -> None:
    assert Source.model_validate({"from": path}).find(DATA) == found


@pytest.mark.parametrize("path", ["", ".", "a.", ".a", "a..b", "a[b]", "a[b=c", "a]b", "a[=c]", "a[b=c]d", "nosuch(a)"])
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="is no JMESPath expression"):
        Source.model_validate({"from": path})


# --- the file ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "errors"),
    [
        ({"fields": FIELDS | {"aplicant.family_name": "x"}}, "no such field: aplicant.family_name"),
        ({"fields": {"existing_contract_id": "number"}}, "nothing is said of accounting_link, applicant.family_name"),
        (
            {"fields": FIELDS | {"network_product": {}}},
            "fields.network_product: Value error, say either from or constant",
        ),
        (
            {"fields": FIELDS | {"network_product": "a..b"}},
            "fields.network_product.from: Value error, 'a..b' is no JMESPath expression: Expecting",
        ),
        ({"fields": FIELDS | {"network_product": {"form": "x"}}}, "fields.network_product.form: Extra inputs"),
        (
            {"fields": FIELDS | {"submission_id": {"from": "x", "values": {"a": "b"}, "contains": "c"}}},
            "say either values",
        ),
        ({"offices": NUMBERED | {"each": "pairs"}}, "no such field: each"),
        ({"offices": dict.fromkeys(NUMBERED, "mail")}, "write {n}, the place of the pair from 0, in what yayoi_id, "),
        ({"offices": NUMBERED | {"office_token": "token"}}, "in what office_token comes from"),
        ({"fields": FIELDS | {"submission_id": "no_{n}"}}, "{n} is for the offices, not for submission_id"),
        ({"offices": {"yayoi_id": "mail_{n}"}}, "nothing is said of yayoi_id_confirmation"),
        ({"ofices": {}}, "ofices: Extra inputs"),
    ],
)
def test_what_is_wrong_with_a_mapping_is_said_with_its_place(
    tmp_path: Path, change: dict[str, Any], errors: str
) -> None:
    file = tmp_path / "mapping.json"
    file.write_text(json.dumps({"fields": FIELDS, "offices": NUMBERED} | change))
    with pytest.raises(ClearError) as error:
        read_mapping(file)
    assert str(error.value).startswith(f"TETSUZUKI_FORM_MAPPING ({file}) is wrong:\n")
    assert errors in str(error.value)


@pytest.mark.parametrize(
    ("name", "content", "errors"),
    [
        ("a.toml", b"fields = ", "is no TOML"),
        ("a.json", b"{", "is no JSON"),
        ("a.toml", b"\xff", "is no TOML"),
        ("missing.toml", None, "cannot be read: No such file or directory"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, name: str, content: bytes | None, errors: str) -> None:
    file = tmp_path / name
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ClearError, match=errors):
        form_translation(Settings(form_mapping=file))


def test_toml_and_json_say_the_same(tmp_path: Path) -> None:
    file = tmp_path / "mapping.json"
    file.write_text(json.dumps({"fields": FIELDS, "offices": NUMBERED}))
    assert read_mapping(file).translate(sent(1), "evt_1", {}).form() == mapping().translate(sent(1), "evt_1", {}).form()
    assert isinstance(form_translation(Settings()), OwnFields)
