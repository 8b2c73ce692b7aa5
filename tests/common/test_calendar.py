"""The business calendar and the due date (Y11)."""

import os
import re
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from models.common.calendar import BusinessCalendar, day_in_japan, end_of, opening_of
from workers.settings import Settings

CALENDAR = BusinessCalendar()

days = st.dates(date(2020, 1, 1), date(2035, 12, 31))
counts = st.integers(0, 40)


def sunday_ending_the_week_after_next(day: date) -> date:
    year, week, _ = (day + timedelta(weeks=2)).isocalendar()  # ISO weeks, too, run Monday to Sunday
    return date.fromisocalendar(year, week, 7)


@pytest.mark.parametrize(
    ("applied", "due"),
    [
        ("2026-11-04", "2026-11-20"),
        ("2026-10-09", "2026-10-23"),
        ("2027-04-22", "2027-05-07"),
        ("2026-12-15", "2026-12-28"),
    ],
)
def test_y11_the_examples(applied: str, due: str) -> None:
    assert CALENDAR.due_date(date.fromisoformat(applied)) == date.fromisoformat(due)


def test_y11_sunday_belongs_to_the_week_that_it_ends() -> None:
    assert CALENDAR.due_date(date(2026, 11, 1)) == date(2026, 11, 13)
    assert CALENDAR.due_date(date(2026, 11, 2)) == date(2026, 11, 20)
    assert CALENDAR.due_date(date(2026, 11, 8)) == date(2026, 11, 20)


@pytest.mark.parametrize(
    "closed",
    [
        date(2026, 11, 7),  # Saturday
        date(2026, 11, 8),  # Sunday
        date(2026, 11, 3),  # 文化の日
        date(2026, 5, 6),  # substitute for 憲法記念日, a Sunday
        date(2026, 9, 22),  # bridge day between 敬老の日 and 秋分の日
        date(2026, 12, 29),  # the company's own
        date(2027, 1, 3),
        date(2027, 1, 1),
    ],
)
def test_y11_closed_days(closed: date) -> None:
    assert not CALENDAR.is_business_day(closed)


@pytest.mark.parametrize("opened", [date(2026, 11, 4), date(2026, 12, 28), date(2027, 1, 4), date(2026, 5, 7)])
def test_y11_business_days(opened: date) -> None:
    assert CALENDAR.is_business_day(opened)


def test_y11_a_week_without_business_days_falls_back_on_the_last_one_before() -> None:
    closing = ("11-16", "11-17", "11-18", "11-19", "11-20")
    assert BusinessCalendar(closing).due_date(date(2026, 11, 4)) == date(2026, 11, 13)
    assert BusinessCalendar(("11-13", *closing)).due_date(date(2026, 11, 4)) == date(2026, 11, 12)


def test_y11_the_turn_of_the_year_can_close_a_whole_week() -> None:
    assert CALENDAR.due_date(date(2025, 12, 21)) == date(2025, 12, 26)


def test_y11_closing_days_come_from_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TETSUZUKI_CLOSING_DAYS", "11-20, 02-29")
    calendar = BusinessCalendar(Settings().closing_days)
    assert calendar.due_date(date(2026, 11, 4)) == date(2026, 11, 19)
    assert calendar.is_business_day(date(2026, 12, 29))
    assert not calendar.is_business_day(date(2028, 2, 29))


@pytest.mark.parametrize("wrong", ["12-32", "13-01", "1229", "12/29", "2026-12-29", "", "大晦日", "02-30"])
def test_y11_a_closing_day_that_is_none_is_refused(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="MM-DD"):
        BusinessCalendar(["12-29", wrong])
    if wrong:  # between commas, nothing is nothing
        monkeypatch.setenv("TETSUZUKI_CLOSING_DAYS", f"12-29,{wrong}")
        with pytest.raises(ValidationError, match="MM-DD"):
            Settings()


@given(applied=days)
def test_y11_the_due_date_is_the_last_business_day_up_to_the_end_of_the_week_after_next(applied: date) -> None:
    due, sunday = CALENDAR.due_date(applied), sunday_ending_the_week_after_next(applied)
    assert due <= sunday
    assert CALENDAR.is_business_day(due)
    later = [due + timedelta(days=ahead) for ahead in range(1, (sunday - due).days + 1)]
    assert not any(map(CALENDAR.is_business_day, later))


@given(applied=days, ahead=st.integers(0, 60))
def test_y11_who_applies_later_is_never_due_earlier(applied: date, ahead: int) -> None:
    assert CALENDAR.due_date(applied) <= CALENDAR.due_date(applied + timedelta(days=ahead))


@given(day=days.filter(CALENDAR.is_business_day), count=counts)
def test_business_days_after_and_before_undo_each_other(day: date, count: int) -> None:
    assert CALENDAR.business_days_before(CALENDAR.business_days_after(day, count), count) == day
    assert CALENDAR.business_days_after(CALENDAR.business_days_before(day, count), count) == day


@given(day=days, count=st.integers(1, 40))
def test_as_many_business_days_lie_between_as_were_asked_for(day: date, count: int) -> None:
    after, before = CALENDAR.business_days_after(day, count), CALENDAR.business_days_before(day, count)
    passed = [day + timedelta(days=ahead) for ahead in range(1, (after - day).days + 1)]
    gone = [day - timedelta(days=back) for back in range(1, (day - before).days + 1)]
    for found, last in ((passed, after), (gone, before)):
        assert sum(map(CALENDAR.is_business_day, found)) == count
        assert CALENDAR.is_business_day(last)


@given(moment=st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 bounds
def test_a_day_in_japan_runs_from_midnight_to_midnight_in_japan(moment: datetime) -> None:
    day = day_in_japan(moment)
    assert end_of(day - timedelta(days=1)) <= moment < end_of(day)
    assert end_of(day - timedelta(days=1)) < opening_of(day) < end_of(day)


def test_a_day_in_japan_begins_at_three_in_the_afternoon_of_the_day_before_utc() -> None:
    moments = [datetime(2026, 11, 3, 14, 59, 59, tzinfo=UTC), datetime(2026, 11, 3, 15, tzinfo=UTC)]
    assert [day_in_japan(moment) for moment in moments] == [date(2026, 11, 3), date(2026, 11, 4)]


def _due_date(day: str, **variables: str) -> subprocess.CompletedProcess[bytes]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TETSUZUKI_")}
    command = [sys.executable, "-m", "workers", "due-date", day]
    return subprocess.run(command, env=clean | variables, capture_output=True, check=False)  # noqa: S603 our own


def test_y11_operators_ask_the_due_date_on_the_command_line() -> None:
    answer = _due_date("2026-11-04")
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, b"2026-11-20\n", b"")
    answer = _due_date("2026-11-04", TETSUZUKI_CLOSING_DAYS="11-20")
    assert (answer.returncode, answer.stdout) == (0, b"2026-11-19\n")


def test_y11_the_command_line_refuses_what_is_no_day() -> None:
    answer = _due_date("2026-11-31")
    assert (answer.returncode, answer.stdout) == (2, b"")
    assert "日付として読み取れません" in answer.stderr.decode()


def test_only_japans_day_is_taken_of_a_moment() -> None:
    """A moment's own `date()` is the day in whatever zone it happens to be in."""
    root = Path(__file__).parents[2]
    sources = [
        file
        for part in ("models", "workflows", "activities", "workers", "web", "tests")
        for file in (root / part).rglob("*.py")
    ]
    callers = [file for file in sources if re.search(r"\.date[(][)]", file.read_text(encoding="utf-8"))]
    assert callers == [root / "models" / "common" / "calendar.py"]
