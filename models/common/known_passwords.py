"""Passwords that are known to be broken, by the list that zxcvbn keeps; each in the forms that guessers try first.

zxcvbn's own estimate is not asked: of some texts it takes seconds, which strangers could let it do.
"""

from collections.abc import Collection
from itertools import pairwise

from zxcvbn.frequency_lists import FREQUENCY_LISTS

_LISTED = frozenset(FREQUENCY_LISTS["passwords"])
"""Those that were found in leaks most often, 30,000, in small letters."""
_AS_LETTERS = str.maketrans("@4301!$57+", "aaeoiisstt")
"""Signs that stand for letters."""
_AROUND = 4
"""Digits and signs before and behind a word that make no other password of it."""
_DIFFERENT = 4
"""Characters that a password has at least."""


def is_known(password: str, own_words: Collection[str] = ()) -> bool:
    """Whether a password must not be used.

    `own_words`: in small letters, what everybody types here, such as the product's name, whatever is around it.
    """
    text = password.lower()
    if len(set(text)) < _DIFFERENT or _is_row(text) or text.strip(_NO_LETTERS) in own_words:
        return True
    return any(each in _LISTED or _is_listed_word(each) for each in (text, text.translate(_AS_LETTERS)))


_NO_LETTERS = "".join(chr(code) for code in range(33, 127) if not chr(code).isalpha())


def _is_listed_word(text: str) -> bool:
    word = text.strip(_NO_LETTERS)
    return bool(word) and len(text) - len(word) <= _AROUND and word in _LISTED


def _is_row(text: str) -> bool:
    """Whether each character follows the one before it, up or down: abcdefgh, 87654321."""
    return len({ord(second) - ord(first) for first, second in pairwise(text)} - {0}) <= 1
