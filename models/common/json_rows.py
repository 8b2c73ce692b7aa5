"""Objects of a JSON file, one by one: a list, however it is laid out, or JSON Lines; each names its line.

A file may be far larger than memory, and one object that is broken is refused by itself: what follows it is read.
"""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from models.common.json_text import TwiceError, once_each
from models.common.text_lines import LONGEST_LINE, TOO_LONG, TextLine

NOT_JSON = "JSON として読み取れません。1 件を 1 つの { … } で書いてください。"
TWICE = "JSON の 1 つの { … } に「{name}」が 2 回書かれています。どちらか 1 つにしてください。"

_PART = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]]|[^\s"{}\[\]]+|"')
"""A string, a bracket, or what lies between; a lone quotation mark is a string that its line does not end."""
_CLOSING = {"}": "{", "]": "["}
_OPENING = frozenset(_CLOSING.values())


class JsonRow(NamedTuple):
    """One object, or why there is none."""

    line: int
    """That on which it begins, counted from 1."""
    values: dict[str, Any]
    wrong: str = ""


def read_objects(lines: Iterable[TextLine]) -> Iterator[JsonRow]:
    """Yield every object, and for each line with anything else why it is none."""
    reading = _Reading()
    for line in lines:
        yield from reading.take(line)
    yield from reading.end()


class _Reading:
    def __init__(self) -> None:
        self._open: list[str] = []
        """The brackets that are open within the object."""
        self._pieces: list[str] = []
        self._length = 0
        self._begins = 0
        self._before = ""
        """The last part within the object."""
        self._rest = ""
        """Of a very long line: a part of which the rest is in its next piece."""
        self._in_list = False
        self._stray = 0
        """The line on which something was that is no object."""
        self._skipping = False
        """After an object that is broken: what is left of it is passed over."""

    def take(self, line: TextLine) -> Iterator[JsonRow]:
        if line.wrong:
            yield self._refused(self._begins or line.number, line.wrong)
            self._skipping = True
            return
        text, self._rest = self._rest + line.text, ""
        start = 0
        for match in _PART.finditer(text):
            if not line.whole and _goes_on(match, text):
                self._rest, text = text[match.start() :], text[: match.start()]
                break
            part = match.group()
            if self._is_new(part):
                if self._open:  # the one before was never ended
                    yield self._refused(self._begins, NOT_JSON)
                self._begins, start, self._skipping = line.number, match.start(), False
            elif not self._open:
                yield from self._around(part, line.number)
                continue
            if not self._fits(part):
                yield self._refused(self._begins, NOT_JSON)
                self._skipping = True
                return
            if not self._open:
                yield self._read(text[start : match.end()])
                start = match.end()
        yield from self._keep(text[start:], line.number)

    def _is_new(self, part: str) -> bool:
        """Say whether an object of the file begins here; within one only a value may begin so, or an item of a list."""
        if part != "{" or not self._open:
            return part == "{"
        return not self._before.endswith(":" if self._open[-1] == "{" else ("[", ","))

    def _fits(self, part: str) -> bool:
        """Take a part of an object; False: a string without its end, or a bracket that closes another one."""
        if part == '"' or (part in _CLOSING and _CLOSING[part] != self._open[-1]):
            return False
        self._before = part
        if part in _OPENING:
            self._open.append(part)
        elif part in _CLOSING:
            self._open.pop()
        return True

    def _around(self, part: str, line: int) -> Iterator[JsonRow]:
        """Pass over the brackets and commas around the objects of a list; anything else is refused, once a line."""
        if (part == "[" and not self._in_list) or (part == "]" and self._in_list):
            self._in_list = part == "["
        elif part.strip(",\x1a") and not self._skipping and self._stray != line:
            self._stray = line
            yield JsonRow(line, {}, NOT_JSON)

    def end(self) -> Iterator[JsonRow]:
        if self._open:
            yield self._refused(self._begins, NOT_JSON)

    def _keep(self, piece: str, line: int) -> Iterator[JsonRow]:
        if self._open:
            self._pieces.append(piece)
            self._length += len(piece)
        if self._length + len(self._rest) > LONGEST_LINE:
            yield self._refused(self._begins or line, TOO_LONG)
            self._skipping = True

    def _read(self, last: str) -> JsonRow:
        text = "".join([*self._pieces, last])
        line = self._begins
        self._forget()
        try:
            return JsonRow(line, json.loads(text, object_pairs_hook=once_each, parse_constant=_no_number))
        except TwiceError as twice:
            return JsonRow(line, {}, TWICE.replace("{name}", str(twice)[:40]))
        except (ValueError, RecursionError):
            return JsonRow(line, {}, NOT_JSON)

    def _refused(self, line: int, wrong: str) -> JsonRow:
        self._forget()
        return JsonRow(line, {}, wrong)

    def _forget(self) -> None:
        self._open.clear()
        self._pieces.clear()
        self._length = self._begins = 0
        self._before = self._rest = ""


def _goes_on(part: re.Match[str], text: str) -> bool:
    """Say whether a part at the end of a piece may be longer than what is seen of it."""
    return part.group() == '"' or (part.end() == len(text) and part.group()[0] not in '"{}[]')


def _no_number(constant: str) -> Any:
    raise ValueError(constant)
