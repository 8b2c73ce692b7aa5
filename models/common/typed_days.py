"""Days as people type them: whatever can mean one day only is taken, in any width (Y8)."""

import re
from datetime import date
from typing import Annotated, Any

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from models.common.calendar import day_in_words, weekday
from models.common.identifiers import fold

NO_DAY = "日付を、年（西暦 4 桁）・月・日の順に入力してください（例：2026-11-20）。"
NO_SUCH_DAY = "{} という日はありません。日付を確認してください。"
OTHER_YEAR = "年を確認してください（例：2026-11-20）。"
OTHER_WEEKDAY = "日付と曜日が合っていません。{} ではありませんか。日付を確認してください。"
_YEAR = r"(?:(?P<year>[0-9]{4})|(?:令和|[Rr])(?P<reiwa>元|[0-9]{1,2}))"
_WEEKDAY = r"(?:\((?P<in_brackets>[月火水木金土日])(?:曜日?)?\)|(?P<in_words>[月火水木金土日])曜日?)?"
"""As our own pages write a day, and people copy it."""
_FORMS = tuple(
    re.compile(form + _WEEKDAY)
    for form in (
        _YEAR + r"(?P<between>[-/.])(?P<month>[0-9]{1,2})(?P=between)(?P<day>[0-9]{1,2})",
        _YEAR + r"年(?P<month>[0-9]{1,2})月(?P<day>[0-9]{1,2})日",
        r"(?P<year>[0-9]{4})(?P<month>[0-9]{2})(?P<day>[0-9]{2})",
    )
)
_BEFORE_REIWA = 2018
_YEARS = range(2000, 3000)


def read_day(text: str) -> date:
    """Return the day. Raises `ValueError`, in Japanese, for what is none, or could mean two, such as `26/11/28`."""
    typed = fold(text)
    found = next((found for form in _FORMS if (found := form.fullmatch(typed))), None)
    if found is None:
        raise ValueError(NO_DAY)
    parts = found.groupdict()
    try:
        day = date(_year(parts), int(parts["month"]), int(parts["day"]))
    except ValueError:  # no month has such a day
        raise ValueError(NO_SUCH_DAY.format(f"{_year(parts)}年{int(parts['month'])}月{int(parts['day'])}日")) from None
    if day.year not in _YEARS:  # a slip: what is counted from the last day of all would be an error that no retry fixes
        raise ValueError(OTHER_YEAR)
    named = parts["in_brackets"] or parts["in_words"]
    if named and named != weekday(day):
        raise ValueError(OTHER_WEEKDAY.format(day_in_words(day)))
    return day


def _year(parts: dict[str, str | None]) -> int:
    if reiwa := parts.get("reiwa"):
        return _BEFORE_REIWA + (1 if reiwa == "元" else int(reiwa))
    return int(parts["year"] or 0)


def _read(value: Any) -> Any:
    """Take no number for a day: pydantic would count seconds, since 1970."""
    if isinstance(value, date):
        return value
    try:
        return read_day(value if isinstance(value, str) else "")
    except ValueError as refused:
        raise PydanticCustomError("refused", "{reason}", {"reason": str(refused)}) from None


TypedDay = Annotated[date, BeforeValidator(_read)]
"""A day that somebody types, or another system sends as `YYYY-MM-DD`."""
