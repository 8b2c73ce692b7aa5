"""Decoding JSON that others have written: what is none has one error, however it is none."""

import json
from typing import Any

MOST_LEVELS = 100
"""Nothing of ours has more than ten; whoever goes through a value afterwards can follow it."""


def read_json(text: str | bytes) -> Any:
    """Return what the text says. Raises `ValueError` for what is no JSON, or has more than `MOST_LEVELS` levels."""
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    layer = [value]
    for _ in range(MOST_LEVELS):
        layer = [inner for each in layer for inner in _inside(each)]
        if not layer:
            return value
    raise ValueError(_TOO_DEEP)


def _inside(value: Any) -> Any:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


_TOO_DEEP = f"it has more than {MOST_LEVELS} levels"
