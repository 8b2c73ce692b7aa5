"""What a name may hold: one answer for forms, files, other systems' events and operators (Y6, Y8).

Kana are composed, blanks have one spelling, kanji stay as they were typed: compatibility ideographs such as U+FA19 are
how somebody writes their own name, though NFC and NFKC would replace them. A name has at least one letter that can be
seen, and nothing that cannot be seen, or that was broken on its way.
"""

import re
import unicodedata
from collections.abc import Callable
from typing import Annotated, Any, LiteralString

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError, PydanticKnownError

LONGEST_NAME = 100
EMPTY = "入力してください。"
FULL_WIDTH = "全角で入力してください（例：弥生　太郎）。"
UNUSABLE: LiteralString = (
    "使えない文字（{code}）が含まれています。見えない文字や文字化けがないかを確認し、入力し直してください。"
)
NO_LETTER = "文字（漢字、かな、英字、数字など）を 1 文字以上入力してください。"
NO_KANA = "全角カタカナで入力してください（例：ヤヨイ）。"

_RADICALS = re.compile("[\u2f00-\u2fd5]")
"""Parts of kanji that look like a kanji of their own: PDF files hold them, and people copy from those."""
_OTHER_RADICALS = re.compile("[\u2e80-\u2eff]")
"""Likewise, but no table says of which kanji each is the look."""
_IDEOGRAPHS = "\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003fffd"
"""Ranges, as in a regular expression; newer kanji of these planes are known before Python's own tables know them."""
_COMPATIBILITY = re.compile("([\uf900-\ufaff\U0002f800-\U0002fa1f]+)")
_INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U00013441\U00013442\U0001bca0-\U0001bca3\U0001d159\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff"
)
"""Ranges of what shows nothing: Unicode's Default_Ignorable_Code_Point, and a few that only look like a blank."""
INVISIBLE = re.compile(f"[{_INVISIBLE}]+")
_VARIANT = re.compile(f"(?<=[{_IDEOGRAPHS}])[\ufe00-\ufe0f\U000e0100-\U000e01ef]")
"""A selector behind a kanji says which of its shapes is meant: it is part of how the name is written."""
_IDEOGRAPH = re.compile(f"[{_IDEOGRAPHS}]")
_MOST_MARKS = 4
"""On one letter: with more, it covers the lines above and below it."""
_BLANKS = re.compile(r"[^\S\n\r\v\f\x1c-\x1f\x85\u2028\u2029]+")
_REPEATING = "々〻"
"""Marks that stand for a kanji, and are read as one."""
_REPLACED = {"\ufffc", "\ufffd"}
"""What stands for something that was lost."""
_HALF_A_LETTER = re.compile("[\ud800-\udfff]")

_KATAKANA = re.compile(r"[ァ-ヺー・ヽヾ　]*[ァ-ヺ][ァ-ヺー・ヽヾ　]*")
_TO_KATAKANA = {code: code + 0x60 for code in range(ord("ぁ"), ord("ゖ") + 1)} | {
    ord("゛"): 0x3099,
    ord("゜"): 0x309A,
    ord("ゝ"): ord("ヽ"),
    ord("ゞ"): ord("ヾ"),
}


def composed(text: str) -> str:
    """Return a text as it is stored: each letter with its marks in one, kanji as typed, no blanks around (Y8)."""
    parts = _COMPATIBILITY.split(_RADICALS.sub(lambda part: unicodedata.normalize("NFKC", part[0]), text))
    return "".join(
        part if index % 2 else unicodedata.normalize("NFC", part) for index, part in enumerate(parts)
    ).strip()


def shows_nothing(text: str) -> bool:
    """Say whether a text is empty to whoever looks at it."""
    return not INVISIBLE.sub("", text).strip()


def blank_is_none(value: Any) -> Any:
    """Take a field that was left empty for one that was not sent."""
    return None if isinstance(value, str) and shows_nothing(value) else value


def full_width_name(text: str, longest: int = 30) -> str:
    """Return a name in full-width letters, as people mean it: no half-width ones, and none of a narrow script (Y6).

    Raises `PydanticCustomError`, as all of these do, with what is wrong in Japanese.
    """
    name = composed(text)
    _check_length(name, longest)
    bare = _without(_unusable, _VARIANT.sub("", name))
    if not all(map(_is_full_width, bare)):
        raise _refused(FULL_WIDTH)
    return _whole(name)


def name_of_any_width(text: str, longest: int = LONGEST_NAME) -> str:
    """Return a name as people write it: of a company, an office, a group, a service, or of people in any script."""
    name = _BLANKS.sub(" ", composed(text))
    _check_length(name, longest)
    return _whole(name)


def reading(text: str, longest: int = 30) -> str:
    """Return how a name is read, in full-width katakana, from kana of any kind and width (Y8)."""
    marked = unicodedata.normalize("NFKC", text.translate(_TO_KATAKANA)).translate(_TO_KATAKANA)
    kana = "　".join(unicodedata.normalize("NFC", marked).split())
    _check_length(kana, longest)
    if not _KATAKANA.fullmatch(kana):
        raise _refused(NO_KANA)
    return kana


def words(text: str) -> str:
    """Return a text of one line or several; refuse controls, turns of direction and what was broken on its way.

    Unlike a name it may hold any mark and selector, as in a picture made of several. What shows nothing is empty.
    """
    return "" if shows_nothing(text) else _without(_unreadable, composed(text))


def _check_length(name: str, longest: int) -> None:
    if not name:
        raise _refused(EMPTY)
    if len(name) > longest:
        raise PydanticCustomError("refused", "{limit} 文字以内で入力してください。", {"limit": longest})


def _whole(name: str) -> str:
    """Refuse what cannot be seen or was broken, a mark without its letter, and a name without any letter."""
    bare = _without(_unusable, _VARIANT.sub("", name))
    marks = 0
    for before, mark in zip(f" {bare}", bare, strict=False):
        marks = marks + 1 if unicodedata.category(mark)[0] == "M" else 0
        if marks > _MOST_MARKS or (marks and unicodedata.category(before)[0] not in "LMNS"):
            raise _unusable_letter(mark)
    if not any(_is_letter(letter) for letter in bare):
        raise _refused(NO_LETTER)
    return name


def _without(wrong: Callable[[str], bool], text: str) -> str:
    for letter in text:
        if wrong(letter):
            raise _unusable_letter(letter)
    return text


def _is_full_width(letter: str) -> bool:
    """Say whether people call it 全角: of what Unicode calls ambiguous, only what is no letter of a narrow script."""
    width = unicodedata.east_asian_width(letter)
    return width in "WF" or (width == "A" and unicodedata.category(letter)[0] not in "LM")


def _is_letter(letter: str) -> bool:
    """Say whether a name can be made of such letters: not of marks that change another one alone, such as ー and ﾞ."""
    kind = unicodedata.category(letter)
    return (kind[0] in "LN" and kind != "Lm") or letter in _REPEATING or bool(_IDEOGRAPH.match(letter))


def _unusable(letter: str) -> bool:
    if _IDEOGRAPH.match(letter):
        return False
    return (
        unicodedata.category(letter) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
        or letter in _REPLACED
        or bool(_OTHER_RADICALS.match(letter))
        or bool(INVISIBLE.match(letter))
    )


def _unreadable(letter: str) -> bool:
    if letter in "\n\r\t":
        return False
    return unicodedata.category(letter) in {"Cc", "Cs"} or letter in _REPLACED or letter in _TURNS


_TURNS = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that turn the direction of the text after them, so that it shows as another."""


def _unusable_letter(letter: str) -> PydanticCustomError:
    return PydanticCustomError("refused", UNUSABLE, {"code": f"U+{ord(letter):04X}"})


def _refused(reason: str) -> PydanticCustomError:
    return PydanticCustomError("refused", "{reason}", {"reason": reason})


def _storable(value: str) -> str:
    """JSON can hold half of a letter; nothing can store it."""
    if _HALF_A_LETTER.search(value):
        raise PydanticKnownError("string_unicode")
    return value


def _read_before(read: Callable[[str], str]) -> BeforeValidator:
    """Read a text before its length is counted: what is limited is what is stored. What is no text is not read."""
    return BeforeValidator(lambda value: read(_storable(value)) if isinstance(value, str) else value)


Name = Annotated[str, _read_before(name_of_any_width), Field(min_length=1, max_length=LONGEST_NAME)]
FullWidthName = Annotated[str, AfterValidator(full_width_name)]
Reading = Annotated[str, AfterValidator(reading)]
Words = Annotated[str, _read_before(words)]
"""A text of words, such as an enquiry."""
Line = Annotated[str, _read_before(lambda text: words(" ".join(text.split())))]
"""Words on one line."""
