"""The suite at another hour in Japan, and among the company's closing days: what tests take for granted shows there."""

import os
import re
import sys
from datetime import UTC, datetime, timedelta, tzinfo

import pytest

from models.common import calendar

_TIME = re.compile(r"([+-])(\d\d):(\d\d)")
_A_DAY = timedelta(days=1)


class MovedJapan(tzinfo):
    """A zone in which every test begins at the same time of the day, ahead of UTC or behind it."""

    def __init__(self, begins: str) -> None:
        """Take such a time as `-23:59`; raise `UsageError` for what is none."""
        found = _TIME.fullmatch(begins)
        if found is None:
            raise pytest.UsageError(f"--japan-time is written as +08:59 or -23:59, not {begins!r}")
        self._ahead = found[1] == "+"
        self._time = timedelta(hours=int(found[2]), minutes=int(found[3]))
        self.begin()

    def begin(self) -> None:
        """Let it be that time of the day now, whole minutes from UTC: nobody reads an offset with seconds."""
        now = datetime.now(UTC)
        ahead = (self._time - timedelta(hours=now.hour, minutes=now.minute)) % _A_DAY
        self._offset = ahead if self._ahead else ahead - _A_DAY + timedelta(minutes=not ahead)

    def __str__(self) -> str:
        """Return it as a database reads a zone: POSIX counts to the west."""
        west = self._offset < timedelta(0)
        minutes = abs(self._offset) // timedelta(minutes=1)
        return f"<moved>{'+' if west else '-'}{minutes // 60:02}:{minutes % 60:02}"

    def utcoffset(self, _moment: datetime | None) -> timedelta:
        return self._offset

    def dst(self, _moment: datetime | None) -> timedelta:
        return timedelta(0)

    def tzname(self, _moment: datetime | None) -> str:
        return "moved Japan"


def move(begins: str) -> MovedJapan:
    """Move the calendar's zone, in every module that has it already and in those that come later."""
    japan, moved = calendar.JST, MovedJapan(begins)
    for module in list(sys.modules.values()):
        if getattr(module, "JST", None) is japan:
            vars(module)["JST"] = moved
    return moved


def close_around_today() -> None:
    """Let the company be closed from yesterday to five days on, as at the year's end."""
    today = calendar.day_in_japan(datetime.now(UTC))
    days = tuple(f"{today + timedelta(days=number):%m-%d}" for number in range(-1, 6))
    calendar.BusinessCalendar.__init__.__defaults__ = (days,)
    os.environ["TETSUZUKI_CLOSING_DAYS"] = ",".join(days)
