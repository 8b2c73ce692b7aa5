"""The Japanese business calendar (Y11) and the times that follow from it.

All days are days in Japan; all times are aware. Weeks run Monday to Sunday.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import holidays

JAPAN = "Asia/Tokyo"
JST = ZoneInfo(JAPAN)
OPENING = time(9, 0)
"""The hour of the day, in Japan, at which reminders go out."""

DEFAULT_CLOSING_DAYS = ("12-29", "12-30", "12-31", "01-01", "01-02", "01-03")
"""The company's own closing days, `MM-DD`, every year."""


def utc_now() -> datetime:
    return datetime.now(UTC)


def day_in_japan(at: datetime) -> date:
    return at.astimezone(JST).date()


def weekday(day: date) -> str:
    return "月火水木金土日"[day.weekday()]


def moment_in_words(at: datetime) -> str:
    """Return a moment as people in Japan read it."""
    return f"{day_in_words(day_in_japan(at))}{at.astimezone(JST):%H:%M}"


def day_in_words(day: date) -> str:
    """As mails and pages write it: 2026年11月20日（金）."""
    return f"{day.year}年{day.month}月{day.day}日（{weekday(day)}）"


def opening_of(day: date) -> datetime:
    return datetime.combine(day, OPENING, JST)


def end_of(day: date) -> datetime:
    """The first instant after `day`."""
    return datetime.combine(day + timedelta(days=1), time(0), JST)


class BusinessCalendar:
    """Which days the company works: no weekends, public holidays (substitute and bridge days too) or closing days."""

    def __init__(self, closing_days: Iterable[str] = DEFAULT_CLOSING_DAYS) -> None:
        """Raise `ValueError` for a closing day that is not `MM-DD`."""
        self._closing = frozenset(self._month_and_day(text) for text in closing_days)
        self._public_holidays = holidays.country_holidays("JP")

    def is_business_day(self, day: date) -> bool:
        return day.weekday() < 5 and (day.month, day.day) not in self._closing and day not in self._public_holidays  # noqa: PLR2004 Saturday

    def due_date(self, applied_on: date) -> date:
        """翌々週末の営業日 (Y11): the last business day of the week after next.

        If that week has none, the last one before it.
        """
        day = applied_on + timedelta(days=6 - applied_on.weekday(), weeks=2)  # the Sunday that ends that week
        while not self.is_business_day(day):
            day -= timedelta(days=1)
        return day

    def business_days_after(self, day: date, count: int) -> date:
        """The `count`-th business day after `day`; `count` of 0 or more, 0 being `day` itself."""
        for _ in range(count):
            day += timedelta(days=1)
            while not self.is_business_day(day):
                day += timedelta(days=1)
        return day

    def business_days_before(self, day: date, count: int) -> date:
        """The `count`-th business day before `day`."""
        for _ in range(count):
            day -= timedelta(days=1)
            while not self.is_business_day(day):
                day -= timedelta(days=1)
        return day

    @staticmethod
    def _month_and_day(text: str) -> tuple[int, int]:
        try:
            # A leap year, so that 02-29 can be a closing day.
            parsed = date.fromisoformat(f"2000-{text}")
        except ValueError:
            raise ValueError(f"a closing day is written MM-DD, not {text!r}") from None
        return parsed.month, parsed.day
