"""Identifiers that cannot be built wrong, and the keys of steps.

Each identifier is a `str` that holds one normal form (Y8): however people type it (full-width letters, stray
spaces, other hyphens, other letter case), what is stored and compared has one spelling.
"""

import re
import unicodedata
from typing import Any, ClassVar, Self

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from models.common.names import INVISIBLE

_HYPHENS = dict.fromkeys(
    map(
        ord,
        "\u02d7\u058a\u05be\u1400\u1806\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\u23af\u2500\u2501\u2574\u2796"
        "\u2e17\u2e1a\u2e3a\u2e3b\u2e40\u2e5d\u30a0\u30fc\u1173\U00010d6e\U00010ead",
    ),
    "-",
)
"""Dashes, minus signs, the long vowel's mark and ruled lines, as they are after NFKC: between letters and digits each
looks like a hyphen. Waves do not: they mean "from … to"."""


def fold(text: str) -> str:
    """Fold what people type into one form: NFKC, one kind of hyphen, no blanks, nothing that cannot be seen (Y8)."""
    return "".join(fold_words(text).split())


def fold_words(text: str) -> str:
    """Fold a text likewise, and keep its blanks."""
    return INVISIBLE.sub("", unicodedata.normalize("NFKC", text).translate(_HYPHENS))


class Identifier(str):
    """A string that is always in its normal form. Building one from anything else raises `ValueError`, in Japanese."""

    __slots__ = ()
    pattern: ClassVar[re.Pattern[str]]
    refusal: ClassVar[str]
    described: ClassVar[str] = ""
    """Its pattern for other systems, where `pattern` says more than a description needs."""
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

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Describe the form that is stored: whoever sends that is understood for sure."""
        return handler(schema) | {"pattern": cls.described or f"^{cls.pattern.pattern}$"}


class Digits(Identifier):
    """Digits only; hyphens that people put between them are dropped."""

    __slots__ = ()

    @classmethod
    def normalise(cls, text: str) -> str:
        return fold(text).replace("-", "")


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
        """Fold it; where the hyphen is missing, it can only stand behind the letters."""
        return re.sub(f"^{cls.letters}(?=[0-9])", f"{cls.letters}-", fold(text).upper())

    @classmethod
    def from_count(cls, count: int) -> Self:
        return cls(f"{cls.letters}-{count:06d}")


_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
HOST = re.compile(rf"(?=.{{1,253}}$)(?:{_LABEL}\.)+(?:[a-z]{{2,63}}|xn--[a-z0-9-]{{0,58}}[a-z0-9])")
"""The name of a host in the internet, in its one spelling: labels of at most 63 letters, at most 253 in all."""


class MailAddress(Identifier):
    """A mail address; lower case, its host without the dot of the root (Y8)."""

    __slots__ = ()
    # Deliverable in practice and harmless in a mail header; whether it exists is checked elsewhere (Y2).
    pattern = re.compile(
        r"(?=[^@]{1,64}@)[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*@" + HOST.pattern
    )
    described = r"^[!-?A-~]+@[0-9A-Za-z.-]+\.[0-9A-Za-z-]+$"
    refusal = "メールアドレスの形式で入力してください（例：taro@example.co.jp）。"

    @classmethod
    def normalise(cls, text: str) -> str:
        return fold(text).lower().replace("。", ".").removesuffix(".")


def ledger_key(case_no: str, part: int | None, step: str) -> str:
    """The key under which a step takes effect once.

    Never holds a run or activity id: those change when a workflow is reset, and the step must not happen again.
    """
    return f"{case_no}:{part or '-'}:{step}"


_TRY = "~"


def try_after(update_id: str, failures: int) -> str:
    """Return the id under which an update is sent that the case has taken so often and could not do.

    Temporal gives the same answer to the same id for ever; to our records it stays the same operation.
    """
    return f"{first_try(update_id)}{_TRY}{failures}" if failures else update_id


def next_try(update_id: str) -> str:
    """Return the id after one that has failed."""
    return try_after(update_id, int(update_id.partition(_TRY)[2] or 0) + 1)


def first_try(update_id: str) -> str:
    """Return the id under which the operation was sent first: that of its steps, its ledger and its audit rows."""
    return update_id.partition(_TRY)[0]


def counted(occurrence: int, asked_as: str | None = None) -> str:
    """Return what distinguishes a step that is done more than once: the update that caused it, else how often it was.

    A Reset sends the updates again, perhaps not all of them: what one of them does is the same step then, whatever came
    before it. `occurrence` counts the steps of one name within an update, and those that belong to none.
    """
    if asked_as is None:
        return str(occurrence)
    return asked_as if occurrence == 1 else f"{asked_as}.{occurrence}"
