"""The HTML of a mail as nested lists."""

from html.parser import HTMLParser
from typing import Any

VOID = {"meta", "br"}


class Outline(HTMLParser):
    """The page as nested lists, `[tag, …content]`; fails on what is not well-formed or could do anything."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.root: list[Any] = ["page"]
        self.links: list[str] = []
        self._open = [self.root]
        self.feed(page)
        self.close()
        assert len(self._open) == 1

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in {"script", "img", "iframe", "object", "form", "link"}
        assert not [name for name, _ in attrs if name.startswith("on") or name in {"src", "id", "class"}]
        if tag == "tbody":
            return
        if tag == "a":
            self.links.append(dict(attrs)["href"] or "")
        element: list[Any] = [tag]
        self._open[-1].append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        if tag == "tbody":
            return
        assert self._open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        if not (text := data.strip("\n")):
            return
        if isinstance(self._open[-1][-1], str) and len(self._open[-1]) > 1:
            text = self._open[-1].pop() + text  # the parser may hand out one text in parts
        self._open[-1].append(text)

    @property
    def content(self) -> list[Any]:
        """What the mail says."""
        [html] = [each for each in self.root if each[0] == "html"]
        [body] = [each for each in html if each[0] == "body"]
        [division] = body[1:]
        return list(division[1:])
