"""Days as people type them: whatever can mean one day only is taken, in any width (Y8)."""

import re
from datetime import date
from typing import Annotated, Any

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from models.common.identifiers import fold

NO_DAY = "日付を、年（西暦 4 桁）・月・日の順に入力してください（例：2026-11-20）。"
_FORMS = tuple(
    re.compile(form)
    for form in (
        r"(?P<year>[0-9]{4})(?P<between>[-/.])(?P<month>[0-9]{1,2})(?P=between)(?P<day>[0-9]{1,2})",
        r"(?P<year>[0-9]{4})年(?P<month>[0-9]{1,2})月(?P<day>[0-9]{1,2})日",
        r"(?P<year>[0-9]{4})(?P<month>[0-9]{2})(?P<day>[0-9]{2})",
    )
)


def read_day(text: str) -> date:
    """Return the day. Raises `ValueError`, in Japanese, for what is none, or could mean two, such as `26/11/28`."""
    typed = fold(text)
    for form in _FORMS:
        if found := form.fullmatch(typed):
            try:
                return date(int(found["year"]), int(found["month"]), int(found["day"]))
            except ValueError:  # no month has such a day
                break
    raise ValueError(NO_DAY)


def _read(value: Any) -> Any:
    """Leave what is no text to pydantic."""
    if not isinstance(value, str):
        return value
    try:
        return read_day(value)
    except ValueError as refused:
        raise PydanticCustomError("refused", "{reason}", {"reason": str(refused)}) from None


TypedDay = Annotated[date, BeforeValidator(_read)]
"""A day that somebody types, or another system sends as `YYYY-MM-DD`."""
