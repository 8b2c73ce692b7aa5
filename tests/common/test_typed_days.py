"""Y8: a day is taken however it is typed, if it can mean one day only."""

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from models.common.calendar import day_in_words
from models.common.typed_days import NO_DAY, NO_SUCH_DAY, OTHER_WEEKDAY, OTHER_YEAR, TypedDay, read_day

IDENTIFIERS = pytest.mark.robustness("identifiers")
_FULL_WIDTH = {ord(digit): chr(ord(digit) + 0xFEE0) for digit in "0123456789"}
_FORMS = ["%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y年%m月%d日", "%Y%m%d", "%Y－%m－%d", " %Y 年 %m 月 %d 日　"]


@IDENTIFIERS
@given(day=st.dates(min_value=date(2000, 1, 1), max_value=date(2999, 12, 31)), form=st.sampled_from(_FORMS))
def test_y8_a_day_is_read_in_every_form_that_can_mean_one_day_only(day: date, form: str) -> None:
    typed = day.strftime(form)
    assert read_day(typed) == read_day(typed.translate(_FULL_WIDTH)) == day


@IDENTIFIERS
@given(day=st.dates(min_value=date(2019, 5, 1), max_value=date(2117, 12, 31)))
def test_y8_a_day_is_read_as_our_pages_write_it_and_in_the_years_of_reiwa(day: date) -> None:
    reiwa = day.year - 2018
    typed = [day_in_words(day), f"{day:%Y-%m-%d}（{day_in_words(day)[-2]}曜日）"]
    typed += [f"令和{reiwa}年{day.month}月{day.day}日", f"R{reiwa}.{day.month}.{day.day}"]
    typed += [f"㋿{reiwa}/{day.month}/{day.day}"]
    assert {read_day(each) for each in typed} == {day}
    assert read_day("令和元年5月1日") == read_day("令和1年5月1日") == date(2019, 5, 1)


@IDENTIFIERS
def test_y8_a_day_with_the_wrong_weekday_is_refused_as_that() -> None:
    with pytest.raises(ValueError, match=re.escape(OTHER_WEEKDAY.format("2026年11月28日（土）"))):
        read_day("2026年11月28日（日）")


@IDENTIFIERS
@pytest.mark.parametrize("typed", ["2026-1-2", "2026/1/02", "2026年1月2日"])
def test_y8_a_month_and_a_day_may_have_one_digit_where_they_are_parted(typed: str) -> None:
    assert read_day(typed) == date(2026, 1, 2)


@IDENTIFIERS
@pytest.mark.parametrize(
    "typed",
    [
        *("", "昨日", "26/11/28", "11/28", "11月28日", "2026-11/28", "202611", "2026112"),
        *("R81128", "2026年11月28日土", "平成38年11月28日"),
    ],
)
def test_y8_what_is_no_day_or_could_mean_two_is_refused_as_that(typed: str) -> None:
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(TypedDay).validate_python(typed)
    assert [error["msg"] for error in refused.value.errors()] == [NO_DAY]


@IDENTIFIERS
@pytest.mark.parametrize(
    ("typed", "named"),
    [("2026-02-30", "2026年2月30日"), ("２０２６年１３月１日", "2026年13月1日"), ("令和8年11月31日", "2026年11月31日")],
)
def test_y8_a_day_that_no_month_has_is_refused_as_that(typed: str, named: str) -> None:
    with pytest.raises(ValueError, match=NO_SUCH_DAY.format(named)):
        read_day(typed)


@IDENTIFIERS
@pytest.mark.parametrize("typed", ["9999-12-31", "3000/1/1", "1999年12月31日", "00010101", "0202-11-20"])
def test_y8_a_year_that_can_only_be_a_slip_is_refused_as_that(typed: str) -> None:
    """The day after the last day of all would be an error that no retry fixes, wherever it is counted."""
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(TypedDay).validate_python(typed)
    assert [error["msg"] for error in refused.value.errors()] == [OTHER_YEAR]


@IDENTIFIERS
@pytest.mark.parametrize("sent", [1_699_920_000, 0, -86_400, 20_261_120, True, 0.0, [2026, 11, 20]])
def test_a_number_is_no_day(sent: object) -> None:
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(TypedDay).validate_python(sent)
    assert [error["msg"] for error in refused.value.errors()] == [NO_DAY]
