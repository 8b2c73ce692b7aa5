"""Identifiers that cannot be built wrong, and the keys of steps.

Each identifier is a `str` that holds one normal form (Y8): however people type it (full-width letters, stray
spaces, other hyphens, other letter case), what is stored and compared has one spelling.
"""

import re
import unicodedata
from typing import Annotated, Any, ClassVar, Self

from pydantic import BeforeValidator, GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, PydanticKnownError, core_schema

_HYPHENS = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u30fc\uff0d\ufe63\uff70"), "-")


_HALF_A_LETTER = re.compile("[\ud800-\udfff]")
_SPACES = re.compile(r"[\s\u200b\ufeff]+")


def fold(text: str) -> str:
    """Fold what people type into one form: NFKC, one kind of hyphen, no spaces at all (Y8)."""
    return _SPACES.sub("", unicodedata.normalize("NFKC", text.translate(_HYPHENS)))


def composed(text: str) -> str:
    """Return a name as it is stored: each letter with its marks in one, no blanks around (Y8)."""
    return unicodedata.normalize("NFC", text).strip()


def _as_stored(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if _HALF_A_LETTER.search(value):  # JSON can hold one; nothing can store it
        raise PydanticKnownError("string_unicode")
    return composed(value)


ComposedText = Annotated[str, BeforeValidator(_as_stored)]
"""A name, or another text of words; what limits its length counts it as it is stored."""


class Identifier(str):
    """A string that is always in its normal form. Building one from anything else raises `ValueError`, in Japanese."""

    __slots__ = ()
    pattern: ClassVar[re.Pattern[str]]
    refusal: ClassVar[str]
    max_length: ClassVar[int] = 254

    def __new__(cls, text: str) -> Self:
        normal = cls.normalise(text) if len(text) <= 4 * cls.max_length else ""
        if len(normal) > cls.max_length or not cls.pattern.fullmatch(normal):
            raise ValueError(cls.why_not(text))
        return str.__new__(cls, normal)

    @classmethod
    def normalise(cls, text: str) -> str:
        return fold(text)

    @classmethod
    def why_not(cls, text: str) -> str:  # noqa: ARG003 a kind that knows more says more
        """Return what is wrong with a text that is none, in Japanese, and what to do."""
        return cls.refusal

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        def build(text: str) -> Identifier:
            try:
                return cls(text)
            except ValueError as refused:
                raise PydanticCustomError("identifier", "{refusal}", {"refusal": str(refused)}) from None

        return core_schema.no_info_after_validator_function(
            build,
            core_schema.str_schema(),
            serialization=core_schema.to_string_ser_schema(),
        )


class CountedIdentifier(Identifier):
    """A number that people read out: letters, a hyphen, and a count of at least 6 digits."""

    __slots__ = ()
    letters: ClassVar[str]

    def __init_subclass__(cls, *, letters: str, label: str) -> None:
        cls.letters = letters
        cls.pattern = re.compile(f"{letters}-[0-9]{{6,9}}")
        cls.refusal = f"{label}は {letters}-000123 の形で入力してください。"

    @classmethod
    def normalise(cls, text: str) -> str:
        return fold(text).upper()

    @classmethod
    def from_count(cls, count: int) -> Self:
        return cls(f"{cls.letters}-{count:06d}")


class MailAddress(Identifier):
    """A mail address; lower case (Y8)."""

    __slots__ = ()
    # Deliverable in practice and harmless in a mail header; whether it exists is checked elsewhere (Y2).
    pattern = re.compile(
        r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*@([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,63}"
    )
    refusal = "メールアドレスの形式で入力してください（例：taro@example.co.jp）。"

    @classmethod
    def normalise(cls, text: str) -> str:
        return fold(text).lower()


def ledger_key(case_no: str, part: int | None, step: str) -> str:
    """The key under which a step takes effect once.

    Never holds a run or activity id: those change when a workflow is reset, and the step must not happen again.
    """
    return f"{case_no}:{part or '-'}:{step}"


def counted(occurrence: int, asked_as: str | None = None) -> str:
    """Return what distinguishes a step that is done more than once: the update that caused it, else how often it was.

    A Reset sends the updates again, perhaps not all of them: what one of them does is the same step then, whatever came
    before it. `occurrence` counts the steps of one name within an update, and those that belong to none.
    """
    if asked_as is None:
        return str(occurrence)
    return asked_as if occurrence == 1 else f"{asked_as}.{occurrence}"
