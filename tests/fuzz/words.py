"""Names, identifiers, days and addresses: whatever is typed is stored in one form, or refused in words."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from models.common.identifiers import CountedIdentifier, Identifier
from models.common.names import FullWidthName, Line, Name, Reading, Words
from models.common.operators import Handle
from models.common.refusals import in_japanese as said_of
from models.common.typed_days import TypedDay
from models.common.web_addresses import WebAddress
from tests.fuzz.inputs import texts
from tests.fuzz.target import FuzzTarget, in_japanese
from tests.support.product_models import every_subclass

TYPED: Mapping[str, Any] = {
    "name": Name,
    "full-width name": FullWidthName,
    "reading": Reading,
    "words": Words,
    "line": Line,
    "day": TypedDay,
    "handle": Handle,
} | {
    each.__name__: each
    for each in every_subclass(Identifier)
    if hasattr(each, "pattern") and each is not CountedIdentifier
}
READERS = {name: TypeAdapter(kind) for name, kind in TYPED.items()}
ADDRESS = TypeAdapter(WebAddress)
NEVER_IN_WORDS = re.compile("[\0\ud800-\udfff\ufffd\u202e]")
NEVER = re.compile("[\0\ud800-\udfff\u200b\u2060\ufeff\ufffd\u202e]")
"""In words there may be what joins the parts of a picture."""


def _read(found: bytes) -> None:
    text = found.decode("utf-8", "surrogatepass")
    for name, reader in READERS.items():
        try:
            stored = reader.validate_python(text)
        except ValidationError as refused:
            [error] = said_of(refused.errors())
            in_japanese(error.message)
            continue
        again = str(stored)
        assert reader.validate_python(again) == stored, name  # reading what is stored changes nothing
        never = NEVER_IN_WORDS if name in {"words", "line"} else NEVER
        assert not never.search(again), name
        if issubclass(TYPED[name] if isinstance(TYPED[name], type) else str, Identifier) or name == "handle":
            assert unicodedata.normalize("NFKC", again) == again
            assert not re.search(r"\s", again)


def _read_address(found: bytes) -> None:
    text = found.decode("utf-8", "surrogatepass")
    try:
        address = ADDRESS.validate_python(text)
    except ValidationError:
        return
    assert ADDRESS.validate_python(address) == address
    assert address.partition("//")[2].partition("/")[0].isascii()


def _typed(*examples: str) -> Any:
    def edited(example: str, place: int, inserted: str) -> str:
        at = place % (len(example) + 1)
        return example[:at] + inserted + example[at:]

    near = st.builds(edited, st.sampled_from(examples), st.integers(0, 300), texts)
    return (texts | near).map(lambda text: text.encode("utf-8", "surrogatepass"))


TARGETS = (
    FuzzTarget(
        "typed words",
        _typed(
            *("弥生　太郎", "ヤヨイ タロウ", "taro@example.co.jp", "a0000001-0000-4000-8000-000000000001", "8871304"),
            *(
                "YS-000123",
                "MR-000001",
                "10002003010001",
                "2026-11-20",
                "令和8年11月20日(金)",
                "sato.k",
                "090-1234-5678",
            ),
        ),
        _read,
    ),
    FuzzTarget(
        "typed addresses",
        _typed("https://www.example.co.jp:8443/a?b=c#d", "http://[::1]:80/", "https://弥生.jp."),
        _read_address,
    ),
)
