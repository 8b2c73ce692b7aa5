"""Decoding JSON that others have written: what is none has one error, however it is none."""

import json
from collections.abc import Callable
from typing import Any

MOST_LEVELS = 100
"""Nothing of ours has more than ten; whoever goes through a value afterwards can follow it."""


class TwiceError(ValueError):
    """A name that stands twice in one object: one of the two would be dropped."""


def read_json(text: str | bytes, pairs: Callable[[list[tuple[str, Any]]], Any] | None = None) -> Any:
    """Return what the text says. Raises `ValueError` for what is no JSON, or has more than `MOST_LEVELS` levels.

    `pairs` makes an object of its names and values; without it the last of several values of one name counts.
    """
    try:
        value = json.loads(text, object_pairs_hook=pairs)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    layer = [value]
    for _ in range(MOST_LEVELS):
        layer = [inner for each in layer for inner in _inside(each)]
        if not layer:
            return value
    raise ValueError(_TOO_DEEP)


def once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object. Raises `TwiceError` with a name that stands twice in it."""
    values = dict(pairs)
    if len(values) < len(pairs):
        names = [name for name, _ in pairs]
        raise TwiceError(next(name for name in names if names.count(name) > 1))
    return values


def _inside(value: Any) -> Any:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


_TOO_DEEP = f"it has more than {MOST_LEVELS} levels"
