"""The HTML of a mail, from the structure of its text: one template is the source of both.

What the text means by its lines:

    ■見出し            a heading
    ・項目             an item of a list; lines that begin with a full-width space go on with it
    1. 項目            an item of a numbered list, likewise
    ※注記             a note, likewise
    名称：値            a fact; facts that follow each other are a table
    https://...        alone in its line or as a fact's value: a link, with its address (up to the query) to be seen
    ――――             what follows is in small print
      コマンド          indented by two spaces: something to type or to copy

Everything else is a paragraph, which an empty line ends; its lines stay lines. Values cannot bring structure with them:
`activities/templates.py` keeps each within its line.
"""

import re
from collections.abc import Iterable, Iterator
from enum import Enum
from itertools import groupby
from typing import NamedTuple

from markupsafe import Markup, escape


class _Kind(Enum):
    """What a line is; the value is what it begins with, where that tells."""

    HEADING = "■"
    ITEM = "・"
    NOTE = "※"
    RULE = "―"
    MORE = "　"
    CODE = "  "
    NUMBERED = "1. "
    FACT = "名称："
    TEXT = ""
    EMPTY = "\n"


_MARKS = {kind.value: kind for kind in (_Kind.HEADING, _Kind.ITEM, _Kind.NOTE, _Kind.MORE)}
_GOES_ON = {_Kind.ITEM, _Kind.NUMBERED, _Kind.NOTE, _Kind.FACT, _Kind.TEXT}
_NUMBER = re.compile(r"[0-9]{1,2}\. ")
_FACT_LINE = re.compile(r"(?P<name>[^：。、「」]{1,30}?)[　 ]*：(?P<value>.+)")
_URL = re.compile(r"https?://[\x21-\x7e]+")

# Colours are the reader's own, light or dark; what is drawn beside the text is grey enough for both.
_LINE = "1px solid rgba(128,128,128,.45)"
_STYLES = {
    "page": "max-width:40em;margin:0 auto;padding:16px;font-size:16px;line-height:1.75;"
    "font-family:'Hiragino Sans','Hiragino Kaku Gothic ProN','Yu Gothic',Meiryo,'Noto Sans CJK JP',sans-serif;"
    "overflow-wrap:anywhere",
    "h2": f"font-size:1.1em;line-height:1.5;margin:1.8em 0 .5em;padding:0 0 .2em;border-bottom:{_LINE}",
    "p": "margin:1em 0",
    "note": "margin:.5em 0;padding-left:1em;text-indent:-1em",
    "list": "margin:.6em 0;padding-left:1.6em",
    "li": "margin:.35em 0",
    "table": "width:100%;border-collapse:collapse;margin:.5em 0",
    "th": "width:38%;padding:.5em .8em .5em 0;text-align:left;vertical-align:top;font-weight:normal;"
    f"border-bottom:{_LINE}",
    "td": f"padding:.5em 0;vertical-align:top;font-weight:bold;border-bottom:{_LINE}",
    "small": f"margin-top:2.5em;padding-top:.6em;border-top:{_LINE};font-size:.875em",
    "a": "display:inline-block;padding:.35em 0;word-break:break-all",
}
_PAGE = Markup("""\
<!doctype html>
<html lang="ja">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<meta name="format-detection" content="telephone=no, date=no, address=no, email=no">
<title>{subject}</title>
<style>:root {{ color-scheme: light dark }}</style>
</head>
<body style="margin:0;padding:0">
<div lang="ja" style="{style}">
{body}
</div>
</body>
</html>
""")


class _Line(NamedTuple):
    kind: _Kind
    text: str
    name: str = ""
    """What a fact is the value of."""


def html_of(subject: str, text: str) -> str:
    """Return the page for a mail's HTML part. Nothing in it is fetched from anywhere."""
    lines = [_line(line) for line in text.splitlines()]
    rule = next((number for number, line in enumerate(lines) if line.kind == _Kind.RULE), len(lines))
    body = [*_blocks(lines[:rule])]
    if small := [*_blocks(lines[rule + 1 :])]:
        body += [_element("div", "small", Markup("\n{}\n").format(Markup("\n").join(small)))]
    return str(_PAGE.format(subject=subject, style=_STYLES["page"], body=Markup("\n").join(body)))


def _line(line: str) -> _Line:
    """Tell what a line is by how it begins."""
    if not line.strip():
        return _Line(_Kind.EMPTY, "")
    if set(line) == {_Kind.RULE.value}:
        return _Line(_Kind.RULE, line)
    if kind := _MARKS.get(line[0]):
        return _Line(kind, line[1:].strip())
    if line.startswith(_Kind.CODE.value):
        return _Line(_Kind.CODE, line.strip())
    if number := _NUMBER.match(line):
        return _Line(_Kind.NUMBERED, line[number.end() :].strip())
    fact = _FACT_LINE.fullmatch(line)
    if fact and not _URL.match(line) and _balanced(fact["name"]):
        return _Line(_Kind.FACT, fact["value"].strip(), fact["name"])
    return _Line(_Kind.TEXT, line.strip())


def _balanced(name: str) -> bool:
    """A sentence with a colon inside its brackets is no fact."""
    return name.count("（") == name.count("）")


def _blocks(lines: Iterable[_Line]) -> Iterator[Markup]:
    for kind, group in groupby(_whole(lines), key=lambda line: line.kind):
        found = list(group)
        if kind == _Kind.HEADING:
            yield from (_element("h2", "h2", _shown(line.text)) for line in found)
        elif kind == _Kind.NOTE:
            yield from (_element("p", "note", "※", _shown(line.text)) for line in found)
        elif kind == _Kind.CODE:
            yield from (_element("p", "p", _element("code", None, line.text)) for line in found)
        elif kind == _Kind.FACT:
            yield _element("table", "table", *map(_row, found))
        elif kind in {_Kind.ITEM, _Kind.NUMBERED}:
            items = (_element("li", "li", _shown(line.text)) for line in found)
            yield _element("ul" if kind == _Kind.ITEM else "ol", "list", *items)
        elif kind != _Kind.EMPTY:
            yield _element("p", "p", _shown("\n".join(line.text for line in found)))


def _whole(lines: Iterable[_Line]) -> Iterator[_Line]:
    """Put each line that goes on with another behind it."""
    before: _Line | None = None
    for line in lines:
        if line.kind == _Kind.MORE and before and before.kind in _GOES_ON:
            before = before._replace(text=f"{before.text}\n{line.text}")
            continue
        if before:
            yield before
        before = line._replace(kind=_Kind.TEXT) if line.kind in {_Kind.MORE, _Kind.RULE} else line
    if before:
        yield before


def _row(fact: _Line) -> Markup:
    return _element(
        "tr",
        None,
        Markup('<th scope="row" style="{}">{}</th>').format(_STYLES["th"], fact.name),
        _element("td", "td", _shown(fact.text)),
    )


def _shown(text: str) -> Markup:
    return Markup("<br>\n").join(_linked(line) for line in text.split("\n"))


def _linked(line: str) -> Markup:
    """A line that is an address becomes a link that shows where it leads; others never do."""
    if not _URL.fullmatch(line):
        return escape(line)
    place, query, _ = line.partition("?")
    return Markup('<a href="{}" style="{}">{}{}</a>').format(line, _STYLES["a"], place, query and "?…")


def _element(tag: str, style: str | None, *content: Markup | str) -> Markup:
    opened = Markup(f'<{tag} style="{_STYLES[style]}">' if style else f"<{tag}>")  # noqa: S704 names and styles of our own
    return opened + Markup("").join(map(escape, content)) + Markup(f"</{tag}>")  # noqa: S704
