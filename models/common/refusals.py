"""Refusing bad input clearly: one Japanese message per field, for pages and for other systems alike."""

import re
from collections.abc import Sequence
from typing import Any, Self

from pydantic import BaseModel, ConfigDict
from pydantic_core import ErrorDetails


class FieldError(BaseModel):
    """What is wrong with one field. `field` is its path, such as `offices.0.name`; empty for the whole."""

    model_config = ConfigDict(frozen=True)

    field: str
    message: str


class RefusedError(Exception):
    """Input that cannot be taken, with the reason for every field that is wrong."""

    def __init__(self, errors: Sequence[FieldError]) -> None:
        super().__init__("; ".join(f"{error.field}: {error.message}" for error in errors))
        self.errors = tuple(errors)


class OperationRefusal(str):
    """Why an operation is refused, with the field that it is about; "": it is about none."""

    __slots__ = ("field", "in_forms")
    field: str
    in_forms: str
    """What a form says beside the field: without the names that only the Web UI's dialog asks for."""

    def __new__(cls, reason: str, *, field: str = "", in_forms: str = "") -> Self:
        refusal = super().__new__(cls, reason)
        refusal.field, refusal.in_forms = field, in_forms or reason
        return refusal

    @property
    def details(self) -> dict[str, str]:
        """What travels beside the reason."""
        return {"field": self.field, "in_forms": self.in_forms}


_KANA_OR_KANJI = re.compile("[\u3041-\u3096\u30a1-\u30fa\u3400-\u9fff]")
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'|\([^()]*\)")
"""As machines quote what somebody has typed; people are told of it in the brackets of their own language."""
_ENGLISH = re.compile(r"\b[a-z]{2,} [a-z]{2,} [a-z]{2,}\b")
"""Some words of a sentence: names of products and people have capitals."""


def is_for_people(reason: str) -> bool:
    """Whether people can be shown a reason. What a library or a server says is in English, also where it is final.

    And it may quote a Japanese name, which then would be shown to whoever reads it.
    """
    return bool(_KANA_OR_KANJI.search(_QUOTED.sub("", reason))) and not _ENGLISH.search(reason)


_IN_JAPANESE = {
    "missing": "入力してください。",
    "string_type": "文字で入力してください。",
    "string_too_short": "{min_length} 文字以上で入力してください。",
    "string_too_long": "{max_length} 文字以内で入力してください。",
    "int_type": "数字で入力してください。",
    "int_parsing": "数字で入力してください。",
    "greater_than_equal": "{ge} 以上の数字で入力してください。",
    "less_than_equal": "{le} 以下の数字で入力してください。",
    "bool_type": "true か false で指定してください。",
    "bool_parsing": "true か false で指定してください。",
    "date_type": "日付は YYYY-MM-DD で指定してください。",
    "date_parsing": "日付は YYYY-MM-DD で指定してください。",
    "date_from_datetime_parsing": "日付は YYYY-MM-DD で指定してください。",
    "uuid_type": "UUID で指定してください。",
    "uuid_parsing": "UUID で指定してください。",
    "too_short": "{min_length} 件以上必要です。",
    "too_long": "{max_length} 件までです。",
    "list_type": "一覧（配列）で指定してください。",
    "tuple_type": "一覧（配列）で指定してください。",
    "model_type": "項目の組（オブジェクト）で指定してください。",
    "model_attributes_type": "項目の組（オブジェクト）で指定してください。",
    "dict_type": "項目の組（オブジェクト）で指定してください。",
    "extra_forbidden": "この項目は受け付けていません。名前を確認してください。",
    "enum": "{expected} のいずれかを指定してください。",
    "literal_error": "{expected} のいずれかを指定してください。",
    "union_tag_not_found": "{discriminator} を指定してください。",
    "union_tag_invalid": "{discriminator} は {expected_tags} のいずれかを指定してください。",
    "json_invalid": "JSON として読み取れません。",
}
_OF_A_TEXT = "Value"
"""What pydantic calls a text that is normalised before its length is counted; of a list it says which kind it is."""
_ELSE = "入力内容を確認してください。"


def in_japanese(details: Sequence[ErrorDetails] | Sequence[dict[str, Any]], *, skip: int = 0) -> list[FieldError]:
    """Turn pydantic's errors into one Japanese message per field.

    `skip` leading parts of each path are dropped (FastAPI puts `body` in front).
    """
    errors: dict[str, FieldError] = {}
    for detail in details:
        # Pydantic does not count items that are wrong themselves: what is wrong with them is the reason then.
        if detail["type"] == "too_short" and any(_lies_in(other["loc"], detail["loc"]) for other in details):
            continue
        field = ".".join(str(part) for part in detail["loc"][skip:])
        errors.setdefault(field, FieldError(field=field, message=_message(detail)))
    return list(errors.values())


def _lies_in(inner: tuple[int | str, ...], outer: tuple[int | str, ...]) -> bool:
    return len(inner) > len(outer) and inner[: len(outer)] == outer


def _message(detail: Any) -> str:
    if detail["type"] in {"identifier", "refused"}:  # our own validators speak Japanese already
        return str(detail["msg"])
    # Pydantic lists what it expected as in English: 'a', 'b' or 'c'.
    facts = {
        name: fact.replace("'", "").replace(" or ", "、").replace(", ", "、") if isinstance(fact, str) else fact
        for name, fact in detail.get("ctx", {}).items()
    }
    kind = detail["type"]
    if facts.get("field_type") == _OF_A_TEXT:
        kind = f"string_{kind}"
    return _IN_JAPANESE.get(kind, _ELSE).format_map(facts)
