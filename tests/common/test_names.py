"""What a name may hold: one answer wherever a name comes in (Y6, Y8)."""

import re
import unicodedata
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError, PydanticKnownError

from models.common.names import composed, full_width_name, name_of_any_width, reading, words
from models.common.operator_actions import HandOver
from models.myics.forms import ClientForm, FirmForm, UserForm
from models.yayoi.application_form import SAME_NAME, Applicant, OfficePair
from models.yayoi.business_groups import GroupDetails
from models.yayoi.customer_events import RelinkCorrected, Withdrawn
from models.yayoi.enquiries import EnquiryForm
from models.yayoi.events import BusinessGroupCreatedEvent, ServiceRelinkedEvent
from models.yayoi.yayoi_id_form import RegistrationForm
from web.yayoi.applicant.plan import Plan
from workers.registry.records import RECORD

ID = "00000000-0000-4000-8000-000000000001"
PASSWORD = "Kumo-27-Ishi"
GROUP = {"business_form": "corporation", "family_name": "弥生", "given_name": "太郎", "phone": "0312345678"}
RELINK = {"service_kind": "other", "relinked_on": "2026-11-20"}
CONTRACT = {"contract_id": "8871304", "mail_address": "a@example.jp", "product_name": "弥生", "network_product": True}

Entrance = Callable[[str], Any]
FULL_WIDTH: dict[str, Entrance] = {
    "the form": lambda name: Applicant(family_name=name, given_name="太郎").family_name,
    "STEP2": lambda name: (
        RegistrationForm(
            family_name="弥生",
            given_name=name,
            yayoi_id="a@example.jp",
            yayoi_id_confirmation="a@example.jp",
            password=PASSWORD,
            password_confirmation=PASSWORD,
            terms=True,
        ).given_name
    ),
    "a group's representative": lambda name: (
        GroupDetails.model_validate(
            GROUP | {"family_name": name, "family_name_kana": "ヤヨイ", "given_name_kana": "タロウ"}
        ).family_name
    ),
}
ANY_WIDTH: dict[str, Entrance] = {
    "an office of the form": lambda name: (
        OfficePair(yayoi_id="a@example.jp", yayoi_id_confirmation="a@example.jp", office_name=name).office_name
    ),
    "a group": lambda name: (
        BusinessGroupCreatedEvent(
            event_id=ID, kind="business_group_created", yayoi_id="a@example.jp", group_name=name
        ).group_name
    ),
    "a service": lambda name: (
        ServiceRelinkedEvent.model_validate(
            RELINK | {"event_id": ID, "kind": "service_relinked", "contract_id": "7000001", "service": name}
        ).service
    ),
    "a corrected re-link": lambda name: (
        RelinkCorrected.model_validate(
            RELINK | {"event_id": ID, "application_no": "YS-000001", "office_no": 1, "service": name}
        ).service
    ),
    "an enquiry": lambda name: (
        EnquiryForm(
            contract_id="8871304", application_no=" ", name=name, mail_address="a@example.jp", text="お願いします"
        ).name
    ),
    "MYICS firm": lambda name: (
        FirmForm(customer_no="1000200301", name=name, representative="青葉", address="a@example.jp").name
    ),
    "MYICS representative": lambda name: (
        FirmForm(customer_no="1000200301", name="青葉", representative=name, address="a@example.jp").representative
    ),
    "MYICS user": lambda name: UserForm(address="a@example.jp", name=name, kind="一般").name,
    "MYICS client": lambda name: ClientForm(suffix="0012", name=name).name,
    "registry: customer": lambda name: _record(record="contract", **CONTRACT, customer_name=name).customer_name,
    "registry: group": lambda name: _record(record="business_group", administrator="a@example.jp", name=name).name,
    "registry: sharing": lambda name: (
        _record(record="sharing", office_token="b0000002-0000-4000-8000-000000000002", firm=name).firm
    ),
    "registry: operator": lambda name: (
        _record(record="operator", handle="sk", name=name, mail_address="a@example.jp").name
    ),
}
EVERYWHERE = FULL_WIDTH | ANY_WIDTH
NAMES = pytest.mark.robustness("names")


def _record(**row: Any) -> Any:
    return RECORD.validate_python(row)


def _taken(message: Any, field: str) -> Any:
    """Refuse what an update's validator refuses."""
    if message.misread:
        raise ValueError(message.misread)
    return getattr(message, field)


def _takes(entrance: Entrance, name: str) -> bool:
    try:
        return entrance(name) is not None  # what shows nothing is left out where that is possible
    except ValueError:
        return False


@pytest.fixture(params=EVERYWHERE)
def entrance(request: pytest.FixtureRequest) -> Entrance:
    """Each place at which a name comes in."""
    return EVERYWHERE[request.param]


AS_TYPED = (
    *"\ufa19\ufa1a\ufa1b\ufa10\ufa1e\ufa1c\ufa26\uf9dc\ufa22\ufa25\ufa2a\ufa2c\ufa46\ufa67",
    "\ufa19谷",
    "\U0002f81a山",  # of the supplement
    "髙﨑𠮷鷗塚",
    "葛\U000e0100城",  # a shape of its kanji
    "\u8fbb\U000e0101",
    "\U00031350田",  # newer than the tables of some Pythons
)
COMPOSED = {
    "⼭⽥": "山田",
    "⾼\U000e0100橋": "高\U000e0100橋",
    "か\u3099すみ": "がすみ",
    "ハ\u309aリ": "パリ",
    "\ufa19か\u3099": "\ufa19が",
    "あ\u3099": "あ\u3099",
}
NO_NAMES = (
    *("\u3164", "\u115f", "\u1160", "\uffa0", "\u034f", "\u3099", "\U000e0100", "\u2800", "\u200b", "\ufeff"),
    *("山\ufffd商店", "山\ufffc商店", "山\u202e商店", "山\u2066商店", "山\u200b商店", "山\u3164商店", "山\u00ad商店"),
    *("山\ue000商店", "山\uffff商店", "山\n商店", "山\u2028商店", "山\0商店", "山\x1a商店"),
    *("あ\ufe0f", "\U000e0100山", "\u3099山", "山　\u3099", "・", "☆☆", "－", "（）"),
    *("ー", "ゝ", "ﾞ", "⿰⿱", "⺀", "⻑谷川", "\U00013441", "\U0001d159", "山" + "\u0301" * 5, "か" + "\u3099" * 6),
)


@NAMES
def test_kanji_stay_as_they_were_typed(entrance: Entrance) -> None:
    assert [entrance(f" {name}　") for name in AS_TYPED] == [*AS_TYPED]


@NAMES
def test_kana_are_composed(entrance: Entrance) -> None:
    assert {typed: entrance(typed) for typed in COMPOSED} == COMPOSED


@NAMES
def test_what_cannot_be_seen_or_was_broken_is_no_name(entrance: Entrance) -> None:
    assert [ascii(name) for name in NO_NAMES if _takes(entrance, name)] == []


@NAMES
@pytest.mark.parametrize("letter", ["\u200b", "\u200d", "\u00ad", "\u202e", "\ufffd", "\ue000", "\U00100000", "⻑"])
def test_the_letter_that_cannot_be_used_is_named(entrance: Entrance, letter: str) -> None:
    """Also where a name has to be in full width: who sees nothing but full width would not know what is wrong."""
    with pytest.raises(ValueError, match=re.escape(f"U+{ord(letter):04X}")):
        entrance(f"山{letter}田")


@NAMES
@pytest.mark.parametrize("place", FULL_WIDTH)
def test_y6_full_width_is_what_people_call_so(place: str) -> None:
    taken = ["Ａｂｃ", "①番", "Ⅲ世", "㈱弥生", "弥生　太郎", "々", "ヶ原", "“弥生”", "山…"]
    assert [FULL_WIDTH[place](name) for name in taken] == taken
    for name in ("é", "Дом", "αβγ", "Å", "Abc", "ｱｲｳ", "山é", "東京-", "弥 生", "º", "か\u0301"):
        with pytest.raises(ValidationError, match="全角で"):
            FULL_WIDTH[place](name)


@NAMES
@pytest.mark.parametrize("place", ANY_WIDTH)
def test_a_company_is_called_as_it_calls_itself_with_one_spelling_of_blanks(place: str) -> None:
    blanks = ["みどり 商店", "みどり　商店", " みどり\u00a0商店", "みどり \u3000 商店", "みどり\u2003商店"]
    assert {ANY_WIDTH[place](name) for name in blanks} == {"みどり 商店"}
    names = ["Café Müller", "O`Hara & Co", "ﾔﾖｲ商店", "Дом", "３丁目", "109", "(株)弥生", "김치"]
    assert [ANY_WIDTH[place](name) for name in names] == names


@NAMES
@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("やよい", "ヤヨイ"),
        ("ﾔﾖｲ", "ヤヨイ"),
        ("ｶﾞﾗｽ", "ガラス"),
        ("か\u3099", "ガ"),
        ("カ゛", "ガ"),
        ("ハ゜", "パ"),
        ("ヤ マ", "ヤ　マ"),
        ("いすゞ", "イスヾ"),
        ("ヤヨイー", "ヤヨイー"),
    ],
)
def test_a_reading_is_stored_in_full_width_katakana(typed: str, stored: str) -> None:
    assert reading(typed) == stored


@NAMES
@pytest.mark.parametrize("typed", ["・", "ー", "ヽ", "　", "゛", "ヤ\u200bマ", "山", "ヤ\u3099\u3099", "Ya"])
def test_a_reading_has_kana_and_nothing_else(typed: str) -> None:
    with pytest.raises(PydanticCustomError):
        reading(typed)


@NAMES
@pytest.mark.parametrize("text", ["\ufffd", "a\0", "a\u202eb", "a\u2067b", "\x07"])
def test_what_nobody_can_read_is_no_reason_and_no_enquiry(text: str) -> None:
    with pytest.raises(ValidationError):
        Withdrawn(event_id=ID, application_no="YS-000001", office_no=1, reason=text)
    with pytest.raises(ValidationError):
        EnquiryForm(contract_id="8871304", application_no="", name="弥生", mail_address="a@example.jp", text=text)
    assert HandOver.model_validate({"to": "sm", "reason": text}).misread


@NAMES
def test_a_reason_that_shows_nothing_is_none() -> None:
    assert HandOver.model_validate({"to": "sm", "reason": "\u3164\u200b "}).misread
    assert words("👩‍💻 で入力\n二行目") == "👩‍💻 で入力\n二行目"


@NAMES
def test_the_plan_refuses_what_the_form_would_and_sees_one_name_in_all_its_spellings() -> None:
    for name in NO_NAMES:
        plan = Plan.of({"name0": name, "used0": "true"})
        assert "name0" in plan.errors, ascii(name)
    for one, other in (("みどり 商店", "みどり\u3000商店"), ("か\u3099す", "がす"), ("Ａ", "Ａ "), ("a.jp", "a．jp")):
        plan = Plan.of({"name0": one, "name1": other})
        assert plan.errors == {"name0": SAME_NAME, "name1": SAME_NAME}, ascii(other)
    assert Plan.of({"name0": "\ufa19谷", "name1": "神谷"}).errors == {}
    assert not Plan.of({"name0": "\u3164", "yayoi_id0": "\u200b"}).begun


def _is_ideograph(letter: str) -> bool:
    return "CJK" in unicodedata.name(letter, "")


@NAMES
@given(st.text(max_size=40))
@example("\ufa19\u3099")
def test_what_is_stored_of_a_name_is_stored_so_again(text: str) -> None:
    for read in (full_width_name, name_of_any_width, reading, words):
        try:
            stored = read(text)
        except (PydanticCustomError, PydanticKnownError):
            continue
        assert read(stored) == stored
    assert composed(composed(text)) == composed(text)
    assert [letter for letter in composed(text) if _is_ideograph(letter)] == [
        letter for letter in text if _is_ideograph(letter)
    ]


@NAMES
def test_half_of_a_letter_is_refused() -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(BusinessGroupCreatedEvent).validate_python(
            {"event_id": ID, "kind": "business_group_created", "yayoi_id": "a@example.jp", "group_name": "弥\ud800"}
        )
