"""Mails are written in Markdown: what is filled in is escaped here, and the text part is made from it here."""

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode

MARKDOWN = (
    MarkdownIt("commonmark", {"html": False, "breaks": True, "xhtmlOut": False})
    .enable("table")
    .disable(["code", "image"])  # a value may begin with spaces; nothing in a mail is fetched
)
_LINE_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~]")
_IN_ADDRESSES = "!#$%&'()*+,-./:;=?@[]_~"
_RULE = "―" * 30


class Markdown(str):
    """Markup that a template means as such; every other value is escaped."""

    __slots__ = ()


def escaped(value: Any) -> Any:
    """Keep what is filled in within its line, and what it says as it is: only a template says what is markup."""
    if isinstance(value, Markdown):
        return value
    return _PUNCTUATION.sub(r"\\\g<0>", _LINE_BREAKS.sub(" ", str(value)))


def as_link(address: str) -> Markdown:
    """Return a link that shows where it leads, up to the query: that is long, and says nothing to people."""
    place, query, _ = address.partition("?")
    return Markdown(f"[{escaped(place + (query and '?…'))}](<{escaped(quote(address, safe=_IN_ADDRESSES))}>)")


def as_code(text: str) -> Markdown:
    """Return something to type or to copy."""
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    return Markdown(f"{fence} {_LINE_BREAKS.sub(' ', text)} {fence}")


def text_of(markdown: str, tokens: Sequence[Token] | None = None) -> str:
    """Return a mail's text part: the lines of its Markdown, with the marks that Japanese mails use.

    `tokens` are those of the Markdown, if it has been parsed already: that costs more than all else.
    """
    return _blocks(SyntaxTreeNode(tokens or MARKDOWN.parse(markdown)), markdown.splitlines()) + "\n"


def _blocks(parent: SyntaxTreeNode, source: Sequence[str]) -> str:
    """Write the blocks in `parent`; those that an empty line divides in the source stay divided."""
    written = [_block(block, source) for block in parent.children]
    starts = [block.map[0] if block.map else 0 for block in parent.children]
    divided = [start > starts[0] and not source[start - 1].strip("> ") for start in starts]
    return "\n".join("\n" * after_empty + text for text, after_empty in zip(written, divided, strict=True))


def _block(block: SyntaxTreeNode, source: Sequence[str]) -> str:
    match block.type:
        case "heading":
            return f"■{_words(block)}"
        case "hr":
            return _RULE
        case "table":
            return "\n".join("：".join(map(_words, row.children)) for row in block.children[-1].children)
        case "blockquote":
            return "　" + _blocks(block, source).replace("\n", "\n　")
        case "bullet_list":
            return "\n".join(f"・{_item(item, source)}" for item in block.children)
        case "ordered_list":
            return "\n".join(f"{n}. {_item(item, source)}" for n, item in enumerate(block.children, start=1))
        case _:
            return _words(block)


def _item(item: SyntaxTreeNode, source: Sequence[str]) -> str:
    return _blocks(item, source).replace("\n", "\n　")


def _words(node: SyntaxTreeNode) -> str:
    """Return what the content of a block says; of a link, where it leads."""
    match node.type:
        case "softbreak" | "hardbreak":
            return "\n"
        case "link":
            return str(node.attrs["href"])
        case _:
            return "".join(map(_words, node.children)) if node.children else node.content
