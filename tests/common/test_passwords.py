"""Passwords: what each place takes, at its edges, and how they are kept (Y19, Y26, M6)."""

import string

import pytest
from argon2 import PasswordHasher, extract_parameters
from hypothesis import assume, given
from hypothesis import strategies as st

from models.common.known_passwords import is_known
from models.common.password_hashing import Hashing
from models.common.passwords import KNOWN, PasswordRule
from models.myics.passwords import MYICS_PASSWORD as MYICS
from models.yayoi.passwords import SUPPORT_PASSWORD as SUPPORT
from models.yayoi.passwords import YAYOI_ID_PASSWORD as YAYOI_ID

LETTERS_AND_DIGITS = string.ascii_letters + string.digits
TYPEABLE = LETTERS_AND_DIGITS + string.punctuation
ALLOWED = {YAYOI_ID: TYPEABLE, SUPPORT: LETTERS_AND_DIGITS, MYICS: LETTERS_AND_DIGITS}
LENGTHS = {YAYOI_ID: (8, 64), SUPPORT: (6, 12), MYICS: (8, 16)}

KINDS = tuple(ALLOWED)

kinds = st.sampled_from(KINDS)


def of_length(length: int) -> str:
    """A password that nobody knows."""
    return ("k7Qm2xVb9Rt4Zs8Lp3Wn6Hc5Yd1Jf0Gg" * 25)[:length]


@pytest.mark.parametrize("kind", KINDS)
def test_y26_y19_m6_the_shortest_and_the_longest_are_taken_and_one_more_is_not(kind: PasswordRule) -> None:
    shortest, longest = LENGTHS[kind]
    assert kind.refusal(of_length(shortest)) is None
    assert kind.refusal(of_length(longest)) is None
    for length in (1, shortest - 1, longest + 1, 10 * longest):
        assert kind.refusal(of_length(length)) == f"{kind.text}で入力してください（入力された文字数：{length}）。"
    assert kind.refusal("") == "入力してください。"


@given(st.data(), kinds)
def test_y26_y19_m6_whatever_keeps_the_rule_is_taken(data: st.DataObject, kind: PasswordRule) -> None:
    shortest, longest = LENGTHS[kind]
    password = data.draw(st.text(ALLOWED[kind], min_size=shortest, max_size=longest))
    assume(not is_known(password, kind.own_words))
    one_sided = kind is SUPPORT and (password.isalpha() or password.isdigit())
    assert (kind.refusal(password) is None) != one_sided


@given(kinds, st.characters(), st.integers(0, 8))
def test_y26_y19_m6_one_sign_that_is_not_allowed_is_refused_wherever_it_stands(
    kind: PasswordRule, sign: str, place: int
) -> None:
    password = of_length(8)
    password = password[:place] + sign + password[place:]
    assert (kind.refusal(password) is None) == (sign in ALLOWED[kind])


def test_y19_the_support_password_has_letters_and_digits() -> None:
    for password in ("abcdef", "123456", "ABCDEFGHIJKL"):
        assert SUPPORT.refusal(password) == "英字と数字を、それぞれ 1 文字以上使ってください。"
    for password in ("kbqde1", "1bkdxf", "A23456789012"):
        assert SUPPORT.refusal(password) is None
    assert YAYOI_ID.refusal("kbqdxfgh") is None
    assert MYICS.refusal("48213670") is None


@pytest.mark.parametrize(
    "password", ["ａｂｃｄ１２３４", "abcd 1234", " abcd1234", "abcd1234\n", "パスワード1234", "abcd1234\x00"]
)
def test_nothing_is_folded_or_trimmed_and_the_reason_is_said(password: str) -> None:
    for kind in KINDS:
        refusal = kind.refusal(password)
        assert refusal is not None
        assert "使えない文字（全角文字や空白など）が含まれています。" in refusal
        assert password.strip() not in refusal


async def test_a_password_is_kept_as_argon2_and_no_two_hashes_are_alike() -> None:
    hashing = Hashing()
    one, other = await hashing.hash("Aa3!aaaa"), await hashing.hash("Aa3!aaaa")
    assert one.startswith("$argon2id$")
    assert one != other
    assert await hashing.verify(one, "Aa3!aaaa")
    assert await hashing.verify(other, "Aa3!aaaa")
    for wrong in ("aa3!aaaa", "Aa3!aaaa ", ""):
        assert not await hashing.verify(one, wrong)


async def test_without_a_hash_or_with_a_broken_one_no_password_is_right() -> None:
    hashing = Hashing()
    for password in ("", "Aa3!aaaa"):
        assert not await hashing.verify(None, password)
        assert not await hashing.verify("broken", password)


async def test_an_unknown_account_costs_as_much_as_a_known_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.common.password_hashing.PasswordHasher", PasswordHasher)  # at its full cost
    hashing = Hashing()
    known = extract_parameters(await hashing.hash("Aa3!aaaa"))
    assert extract_parameters(hashing._nobodys) == known
    assert known.memory_cost >= 19 * 1024  # KiB: what OWASP asks for at least


@pytest.mark.parametrize(
    "password", ["password1", "Passw0rd", "P@ssw0rd1", "Qwerty123", "iloveyou1", "football", "trustno1", "Letmein12"]
)
def test_passwords_that_were_found_in_leaks_are_refused_in_the_forms_that_guessers_try_first(password: str) -> None:
    for kind in (YAYOI_ID, MYICS):
        if set(password) <= set(ALLOWED[kind]) and len(password) <= LENGTHS[kind][1]:
            assert kind.refusal(password) == KNOWN


@pytest.mark.parametrize("password", ["12345678", "abcdefgh", "87654321", "aaaaaaaa", "abababab1"])
def test_rows_and_repetitions_are_refused(password: str) -> None:
    assert YAYOI_ID.refusal(password) == MYICS.refusal(password) == KNOWN


def test_the_products_own_names_are_no_passwords_whatever_is_around_them() -> None:
    for password in ("Yayoi2026", "yayoi-2026-11!", "!!Yayoi!!"):
        assert YAYOI_ID.refusal(password) == KNOWN
    assert MYICS.refusal("MYICS20261130") == KNOWN
    assert SUPPORT.refusal("yayoi2026") == KNOWN


@given(st.text(TYPEABLE, min_size=1, max_size=64))
def test_a_password_is_known_however_its_letters_are_written(password: str) -> None:
    assert is_known(password) == is_known(password.swapcase())
