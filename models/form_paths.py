"""Where a value lies in what a form provider sends, such as `answers.name.last` or `fields[label=お名前].value`."""

import re
from typing import Any

_STEP = re.compile(r"(?P<name>[^.\[\]]+)|\[(?P<key>[^=\[\]]+)=(?P<value>[^\[\]]*)\]")
_MISSING = object()


class FormPath:
    """Names separated by dots; a number picks an item of a list, `[key=value]` the item that has this value."""

    def __init__(self, text: str) -> None:
        """Read a path. Raises `ValueError` for one that cannot be read."""
        self.text = text
        steps: list[str | tuple[str, str]] = []
        at = 0
        while at < len(text):
            step = _STEP.match(text, at)
            if step is None:
                raise ValueError(f"{text!r} is no path: names separated by dots, [key=value] for an item of a list")
            steps.append(step["name"] or (step["key"], step["value"]))
            at = step.end()
            if text[at : at + 1] == "." and at + 1 < len(text):
                at += 1
            elif at < len(text) and text[at] != "[":
                raise ValueError(f"{text!r} is no path: what does {text[at:]!r} belong to?")
        if not steps:
            raise ValueError("a path is empty")
        self._steps = tuple(steps)

    def read(self, data: Any) -> Any:
        """Return what lies there; None if nothing does."""
        for step in self._steps:
            data = _item(data, step)
        return None if data is _MISSING else data

    def write(self, data: Any, value: Any) -> None:
        """Put a value there. Raises `ValueError` if what it is to lie in is not there."""
        *way, last = self._steps
        for step in way:
            data = _item(data, step)
        if isinstance(data, dict) and isinstance(last, str):
            data[last] = value
        elif isinstance(data, list) and isinstance(last, str) and last.isdecimal() and int(last) < len(data):
            data[int(last)] = value
        else:
            raise ValueError(f"there is no {self.text}")


def _item(data: Any, step: str | tuple[str, str]) -> Any:
    if isinstance(step, tuple):
        key, value = step
        items = data if isinstance(data, list) else []
        return next((item for item in items if isinstance(item, dict) and str(item.get(key)) == value), _MISSING)
    if isinstance(data, dict):
        return data.get(step, _MISSING)
    if isinstance(data, list) and step.isdecimal() and int(step) < len(data):
        return data[int(step)]
    return _MISSING
