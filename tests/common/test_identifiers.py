"""Identifiers as people type them and as they are stored (Y4, Y8)."""

import string
from collections.abc import Callable
from datetime import date
from unicodedata import category
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from models.common.contact import Phone
from models.common.identifiers import Identifier, MailAddress
from models.common.operators import Handle
from models.common.refusals import in_japanese
from models.common.typed_days import read_day
from models.myics.forms import ConfirmationForm, read
from models.myics.identifiers import ClientSuffix, CustomerNo, HolderNo, RegistrationNo
from models.yayoi.application_form import Applicant, OfficePair
from models.yayoi.identifiers import ApplicationNo, ContractId, OfficeToken, YayoiId
from models.yayoi.store.address_checks import read_code
from web.common.page_form import sent_values

_WAVES = "〜〰"
_HYPHENS = sorted(
    {*"ー−ｰ─━⁃˗➖⁻₋ㅡￚ", *(letter for letter in map(chr, range(0x20000)) if category(letter) == "Pd")} - {*_WAVES}
)
"""Whatever looks like a hyphen between letters and digits: every dash of Unicode, and more."""
_UNSEEN = (
    *" 　\t\u200b\u00a0\u00ad\u034f\u061c\u200c\u200d\u200e\u200f\u202a\u202c",
    *"\u2060\u2066\u3164\ufe0f\ufeff\U000e0001",
)
IDENTIFIERS = pytest.mark.robustness("identifiers")

tokens = st.from_regex(r"[0-9a-z]{8}(-[0-9a-z]{4}){3}-[0-9a-z]{12}", fullmatch=True)
addresses = st.from_regex(r"[a-z0-9]{1,20}([.+_-][a-z0-9]{1,10})?@[a-z0-9]{1,15}(\.[a-z]{2,5}){1,2}", fullmatch=True)
contract_ids = st.from_regex(r"[678][0-9]{6}", fullmatch=True)


@st.composite
def typed(draw: st.DrawFn, normal: str, *, any_case: bool = True, any_hyphen: bool = True) -> str:
    """Type `normal` as people do: full-width, with stray spaces, in other case, with other hyphens."""
    out = []
    for character in normal:
        forms = [character]
        if any_case:
            forms.append(character.upper())
        if "!" <= character <= "~":
            forms += [chr(ord(form) + 0xFEE0) for form in forms]
        if character == "-" and any_hyphen:
            forms += _HYPHENS
        out.append(draw(st.sampled_from(forms)) + draw(st.sampled_from(["", "", "", *_UNSEEN])))
    return "".join(out)


@IDENTIFIERS
@given(data=st.data(), normal=tokens)
def test_y8_a_token_has_one_stored_form(data: st.DataObject, normal: str) -> None:
    assert OfficeToken(data.draw(typed(normal))) == normal


@IDENTIFIERS
@given(data=st.data(), normal=addresses)
def test_y8_a_yayoi_id_has_one_stored_form(data: st.DataObject, normal: str) -> None:
    assert YayoiId(data.draw(typed(normal))) == normal


@IDENTIFIERS
@given(data=st.data(), normal=contract_ids)
def test_y8_a_contract_id_has_one_stored_form(data: st.DataObject, normal: str) -> None:
    assert ContractId(data.draw(typed(normal))) == normal


@given(text=st.text())
def test_y8_what_is_taken_is_taken_as_it_is_stored(text: str) -> None:
    for kind in (OfficeToken, YayoiId, ContractId, ApplicationNo):
        try:
            stored = kind(text)
        except ValueError as refused:
            assert str(refused) == kind.why_not(text)  # noqa: PT017 either outcome is right, but only in full
        else:
            assert kind(stored) == stored
            assert stored.isascii()
            assert stored.isprintable()


@given(text=st.text(alphabet=string.ascii_lowercase + string.digits + "-", min_size=1, max_size=40))
def test_y4_a_token_is_8_4_4_4_12(text: str) -> None:
    shape = [len(part) for part in text.split("-")]
    if shape == [8, 4, 4, 4, 12]:
        assert OfficeToken(text) == text
    else:
        with pytest.raises(ValueError, match="8桁-4桁-4桁-4桁-12桁"):
            OfficeToken(text)


@given(identity=st.uuids())
def test_y4_every_uuid_has_the_shape_of_a_token(identity: UUID) -> None:
    assert OfficeToken(str(identity).upper()) == str(identity)


@given(number=st.integers(0, 9_999_999))
def test_a_contract_id_has_seven_digits_and_begins_with_6_7_or_8(number: int) -> None:
    text = str(number)
    if 6_000_000 <= number < 9_000_000:
        assert ContractId(text) == text
    else:
        with pytest.raises(ValueError, match="6、7、8"):
            ContractId(text)


@pytest.mark.parametrize(
    "text",
    ["a", "a@b", "@b.jp", "a@b..jp", "a@-b.jp", "a@b.j", ".a@b.jp", "a@b.jp,c@d.jp", "<a@b.jp>", "あ@b.jp", "a" * 300],
)
def test_what_is_no_mail_address_is_no_yayoi_id(text: str) -> None:
    with pytest.raises(ValueError, match="メールアドレスの形式"):
        YayoiId(text)


@given(count=st.integers(0, 999_999_999))
def test_application_numbers_can_be_dictated_on_the_phone(count: int) -> None:
    number = ApplicationNo.from_count(count)
    assert int(number.removeprefix("YS-")) == count
    assert ApplicationNo(number.lower()) == number


@pytest.mark.parametrize("kind", [OfficeToken, YayoiId, ContractId, ApplicationNo])
def test_a_long_text_is_refused_without_looking_at_it(kind: type[Identifier]) -> None:
    with pytest.raises(ValueError, match=kind.refusal.split("（")[0]):
        kind("1" * 10_000_000)


_FULL_WIDTH = st.text(alphabet="弥生太郎アイウー々ヶＡｚ０　", min_size=1, max_size=30)


@given(name=_FULL_WIDTH.filter(lambda text: text.strip("ー　")))
def test_y6_full_width_names_are_taken(name: str) -> None:
    assert Applicant(family_name=name, given_name=name).family_name == name.strip()


@given(name=st.text(alphabet=f" {string.ascii_letters}{string.digits}{string.punctuation}ｱｲｳ", min_size=1, max_size=30))
def test_y6_other_names_are_refused(name: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Applicant(family_name=name, given_name="太郎")
    [error] = in_japanese(refused.value.errors())
    expected = "全角で入力してください（例：弥生　太郎）。" if name.strip() else "入力してください。"
    assert (error.field, error.message) == ("family_name", expected)


_DIGITS = "0312345678"


@IDENTIFIERS
@pytest.mark.parametrize(
    ("read", "typed", "stored"),
    [
        (YayoiId, "taro{}@example.jp", "taro@example.jp"),
        (ApplicationNo, "YS{}-000123", "YS-000123"),
        (Handle, "{}sk", "sk"),
        (RegistrationNo, "mr-000{}123", "MR-000123"),
        (HolderNo, "100020{}0301", "1000200301"),
        (ClientSuffix, "00{}12", "0012"),
        (read_code, "123{}456", "123456"),
        (read_day, "2026-{}11-20", date(2026, 11, 20)),
        (lambda typed: read(ConfirmationForm, {"keyword": typed}).keyword, "あい{}ことば", "あいことば"),
        (lambda typed: TypeAdapter(Phone).validate_python(typed), "03{}12345678", _DIGITS),
    ],
)
def test_y8_what_cannot_be_seen_is_not_compared(read: Callable[[str], object], typed: str, stored: object) -> None:
    assert {ascii(unseen): read(typed.format(unseen)) for unseen in _UNSEEN} == {
        ascii(each): stored for each in _UNSEEN
    }


@IDENTIFIERS
@pytest.mark.parametrize(
    ("read", "typed", "stored"),
    [
        (ApplicationNo, "YS{}000123", "YS-000123"),
        (MailAddress, "taro@ex{}ample.jp", "taro@ex-ample.jp"),
        (Handle, "s{}k", "s-k"),
        (CustomerNo, "10002{}00301", "1000200301"),
        (read_day, "2026{0}11{0}20", date(2026, 11, 20)),
        (lambda typed: TypeAdapter(Phone).validate_python(typed), "03{0}1234{0}5678", "03-1234-5678"),
    ],
)
def test_y8_every_hyphen_that_people_mean_is_one(read: Callable[[str], object], typed: str, stored: object) -> None:
    assert {hyphen: read(typed.format(hyphen)) for hyphen in _HYPHENS} == dict.fromkeys(_HYPHENS, stored)


@IDENTIFIERS
@pytest.mark.parametrize("other", ["~", "〜", "～", "_", "一", "・", "/"])
def test_y8_what_is_no_hyphen_stays_another_letter(other: str) -> None:
    with pytest.raises(ValueError, match="8桁-4桁-4桁-4桁-12桁"):
        OfficeToken(f"b0000002{other}0000-4000-8000-000000000002")


@IDENTIFIERS
@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("taro@xn--wgv71a119e.xn--q9jyb4c", "taro@xn--wgv71a119e.xn--q9jyb4c"),
        ("taro@xn--wgv71a119e.jp", "taro@xn--wgv71a119e.jp"),
        (f"taro@{'x' * 63}.jp", f"taro@{'x' * 63}.jp"),
        ("taro@example.co.jp.", "taro@example.co.jp"),
        ("ｔａｒｏ＠ｅｘａｍｐｌｅ。ｃｏ．ｊｐ", "taro@example.co.jp"),
        ("o'hara+2@3com.example", "o'hara+2@3com.example"),
        ("Taro.Yayoi@EX-AMPLE.CO.JP", "taro.yayoi@ex-ample.co.jp"),
        ("\u202aｔａｒｏ﹫ｅｘ—ａｍｐｌｅ｡ｊｐ\u202c", "taro@ex-ample.jp"),
        ("taro@１２３.jp", "taro@123.jp"),
    ],
)
def test_hosts_of_mail_addresses_are_those_of_the_internet(typed: str, stored: str) -> None:
    assert MailAddress(typed) == YayoiId(typed) == stored


@IDENTIFIERS
@pytest.mark.parametrize(
    "typed",
    [
        f"taro@{'x' * 64}.jp",
        f"{'x' * 65}@example.jp",
        "taro@" + "a23456789." * 24 + "example.jp",  # 254 letters of host
        *('"taro yayoi"@example.jp', '"taro"@example.jp', "taro@[192.0.2.1]", "taro@[IPv6:::1]", "taro@弥生.jp"),
        *("taro@example.jp\r\nBcc: x@y.jp", "taro@example.jp,jiro@example.jp", "<taro@example.jp>", "taro@a_b.jp"),
        *("taro\0@example.jp", "taro@@example.jp", "taro..y@example.jp", "taro@example｡｡jp", "taro@localhost"),
        *("taro@xn--.jp", "taro@-a.jp", "taro@a-.jp", "taro@example.jp..", "taro@192.0.2.1", "taro@example.xn--"),
    ],
)
def test_what_no_host_is_called_is_no_mail_address(typed: str) -> None:
    with pytest.raises(ValueError, match="メールアドレスの形式"):
        MailAddress(typed)


@IDENTIFIERS
@pytest.mark.parametrize("typed", ["\u200b", "\u3164 ", "\ufeff\u2060", "　\u00ad", "\u034f"])
def test_a_field_that_shows_nothing_was_left_empty(typed: str) -> None:
    assert sent_values({"office_token": typed}, "office_token") == {"office_token": ""}
    pair = OfficePair(
        yayoi_id="a@example.jp", yayoi_id_confirmation="a@example.jp", office_token=typed, office_name=typed
    )
    assert (pair.office_token, pair.office_name) == (None, None)
