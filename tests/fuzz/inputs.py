"""What is thrown at a reader: bytes and texts near what it reads, with what readers of many programs stumble over."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import strategies as st

HOSTILE_TEXTS = (
    *("", " ", "\u3000", "\0", "\x1a", "\r", "\n", "\r\n", "\t", "'", '"', '""', "\\", ",", ";", "=1+1", "＝1", "@"),
    *("-", "─", "{", "}", "[", "]", ":", "null", "true", "NaN", "-0", "1e999", "9" * 40, "\u200b", "\u202e", "\u2066"),
    *("\ufeff", "\ufffd", "\U000e0100", "\u3099", "か\u3099", "\ufa19谷", "𠮷", "髙﨑", "ｶﾞ", "\u3164", "é"),
    *("🏳️‍🌈", "a" * 300, "%00", "%2e", "%", "..", "/", "<script>", "{{7*7}}", "${x}", "xn--", "@[::1]", "\x1b$B"),
    *("Content-Type: x\r\n\r\n", "=?utf-8?B?", "v1,", "vault:v1:", "0", "-1", "1", "2026-02-30", "0000-00-00"),
    *("9999-12-31", "99999999999", "٣", "²", "Ⅷ", "1_0", "+1", "1.0"),
)  # fmt: skip
"""Each has broken some reader of some program."""
HOSTILE_BYTES = (
    *(text.encode() for text in HOSTILE_TEXTS),
    *(b"\xff", b"\xfe\xff", b"\xff\xfe", b"\xef\xbb\xbf", b"\x80", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"),
    *("弥生".encode(each) for each in ("cp932", "euc_jp", "iso2022_jp", "utf-16")),
    *(b"\\ud800", b"\\u0000", b"PK\3\4", b"%PDF-", b"\x1b(B", b"\x8f\xa1", b"\x81", b"\r\n.\r\n", b"\r\n\r\n"),
)

texts = st.one_of(
    st.text(max_size=40), st.lists(st.sampled_from(HOSTILE_TEXTS) | st.text(max_size=8), max_size=6).map("".join)
)
"""Any text, half of them made of what is hostile. Halves of characters are in it."""


def _edited(seed: bytes, edits: Sequence[tuple[int, int, bytes]]) -> bytes:
    for place, length, inserted in edits:
        at = place % (len(seed) + 1)
        seed = seed[:at] + inserted + seed[at + length :]
    return seed


def near(*seeds: bytes) -> st.SearchStrategy[bytes]:
    """Return one of the seeds with up to six places that are cut, overwritten or added to; now and then any bytes."""
    piece = st.sampled_from(HOSTILE_BYTES) | st.sampled_from(seeds or (b"",)) | st.binary(max_size=8)
    edit = st.tuples(st.integers(0, 1 << 16), st.sampled_from((0, 0, 1, 2, 9, 60, 1 << 16)), piece)
    changed = st.builds(_edited, st.sampled_from(seeds or (b"",)), st.lists(edit, max_size=6))
    return changed | st.binary(max_size=300)


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.sampled_from((0, 1, -1, 2**31, 2**53, 2**63, 10**300)),
    st.floats(),
    texts,
    st.sampled_from(HOSTILE_TEXTS),
)
json_values: st.SearchStrategy[Any] = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=8
)
"""Whatever JSON can say, numbers beyond every type and halves of characters as well."""


def places_in(value: Any, here: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Return the path of every part of a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [here, *(place for name, each in inner for place in places_in(each, (*here, name)))]


def _with(value: Any, place: tuple[str | int, ...], other: Any) -> Any:
    if not place:
        return other
    changed: Any = dict(value) if isinstance(value, dict) else list(value)
    changed[place[0]] = _with(changed[place[0]], place[1:], other)
    return changed


def near_json(example: Any) -> st.SearchStrategy[Any]:
    """Return the example with some of its parts replaced by anything, and perhaps a name more."""

    @st.composite
    def changed(draw: Callable[[st.SearchStrategy[Any]], Any]) -> Any:
        value = example
        for _ in range(draw(st.integers(1, 3))):
            value = _with(value, draw(st.sampled_from(places_in(value))), draw(json_values))
        if isinstance(value, dict) and draw(st.booleans()):
            value = {**value, draw(texts): draw(json_values)}
        return value

    return changed()


def as_json(value: Any) -> bytes:
    """Return it as some program would send it; halves of characters as escapes."""
    return json.dumps(value).encode()
