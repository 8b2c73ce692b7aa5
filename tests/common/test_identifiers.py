"""Identifiers as people type them and as they are stored (Y4, Y8)."""

import string
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from models.common.identifiers import Identifier
from models.common.refusals import in_japanese
from models.yayoi.application_form import Applicant
from models.yayoi.identifiers import ApplicationNo, ContractId, OfficeToken, YayoiId

_HYPHENS = "-‐‑–—−ー－ｰ"
_SPACES = " 　\t\u200b\u00a0"

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
        out.append(draw(st.sampled_from(forms)) + draw(st.sampled_from(["", "", "", *_SPACES])))
    return "".join(out)


@given(data=st.data(), normal=tokens)
def test_y8_a_token_has_one_stored_form(data: st.DataObject, normal: str) -> None:
    assert OfficeToken(data.draw(typed(normal))) == normal


@given(data=st.data(), normal=addresses)
def test_y8_a_yayoi_id_has_one_stored_form(data: st.DataObject, normal: str) -> None:
    assert YayoiId(data.draw(typed(normal))) == normal


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


@given(name=st.text(alphabet="弥生太郎アイウー々ヶＡｚ０　", min_size=1, max_size=30).filter(lambda text: text.strip()))
def test_y6_full_width_names_are_taken(name: str) -> None:
    assert Applicant(family_name=name, given_name=name).family_name == name.strip()


@given(name=st.text(alphabet=string.printable + "ｱｲｳ\u200b\u202e", min_size=1, max_size=30))
def test_y6_other_names_are_refused(name: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Applicant(family_name=name, given_name="太郎")
    [error] = in_japanese(refused.value.errors())
    expected = "全角で入力してください（例：弥生　太郎）。" if name.strip() else "入力してください。"
    assert (error.field, error.message) == ("family_name", expected)
