"""Links and codes in mails: the same when a mail is tried again, of one purpose, one procedure and one secret."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.common.personal_links import PersonalLink, code_of, is_code, read_link
from models.common.secret_keys import SecretKeys
from models.yayoi.personal_links import YayoiLinkKind
from tests.support.secret_key import SECRET_KEYS

KIND = YayoiLinkKind.MEMBER_INVITATION
EXPIRY = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
LINK = PersonalLink(KIND, "invitation/1", 1, EXPIRY)


def test_a_link_is_always_the_same_and_says_what_it_is_for() -> None:
    token = LINK.token(SECRET_KEYS)
    assert token == LINK.token(SECRET_KEYS)
    assert read_link(SECRET_KEYS, KIND, token) == LINK
    assert LINK.is_open(EXPIRY - timedelta(seconds=1))
    assert not LINK.is_open(EXPIRY)


def test_a_link_of_another_kind_secret_procedure_occurrence_or_expiry_is_another() -> None:
    token = LINK.token(SECRET_KEYS)
    assert read_link(SecretKeys("other"), KIND, token) is None
    assert read_link(SECRET_KEYS, next(kind for kind in YayoiLinkKind if kind is not KIND), token) is None
    others = [
        PersonalLink(KIND, "invitation/2", 1, EXPIRY),
        PersonalLink(KIND, "invitation/1", 2, EXPIRY),
        PersonalLink(KIND, "invitation/1", 1, EXPIRY + timedelta(seconds=1)),
    ]
    assert len({token, *(other.token(SECRET_KEYS) for other in others)}) == 4


@given(st.text(max_size=200))
def test_whatever_is_typed_as_a_token_is_read_or_refused(token: str) -> None:
    assert read_link(SECRET_KEYS, KIND, token) is None


@pytest.mark.parametrize("place", range(0, len(LINK.token(SECRET_KEYS)), 7))
def test_a_link_that_was_changed_anywhere_opens_nothing(place: int) -> None:
    token = LINK.token(SECRET_KEYS)
    changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
    assert read_link(SECRET_KEYS, KIND, changed) is None


@given(st.uuids(), st.integers(1, 6))
def test_y26_a_code_has_six_digits_and_is_the_same_when_its_mail_is_tried_again(check_id: object, number: int) -> None:
    code = code_of(SECRET_KEYS, str(check_id), number)
    assert code == code_of(SECRET_KEYS, str(check_id), number)
    assert len(code) == 6
    assert code.isdecimal()


def test_y26_codes_of_other_times_procedures_and_secrets_are_others() -> None:
    codes = [
        code_of(SecretKeys(secret), f"id-{n}", number)
        for secret in ("a", "b")
        for n in range(50)
        for number in range(1, 7)
    ]
    assert len(set(codes)) > 590  # 600 codes out of a million: hardly any two alike


def test_what_a_former_key_signed_is_read_and_the_current_one_signs() -> None:
    old, rotated, without = SecretKeys("old"), SecretKeys("new", ("old",)), SecretKeys("new")
    assert read_link(rotated, KIND, LINK.token(old)) == LINK
    assert read_link(without, KIND, LINK.token(old)) is None
    assert LINK.token(rotated) == LINK.token(without)
    code = code_of(old, "id", 1)
    assert [is_code(keys, "id", 1, code) for keys in (old, rotated, without)] == [True, True, False]
    assert is_code(rotated, "id", 1, code_of(rotated, "id", 1))
    assert not is_code(rotated, "id", 2, code)
