"""What a re-link covers, and the days that may be missing or doubled (Y14, Y21)."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.yayoi.service_links import Coverage, Days, LinkKind, first_day_covered

DAY = timedelta(days=1)
REGISTERS = (LinkKind.AIR_REGI, LinkKind.UBI_REGI)

days = st.dates(date(2026, 1, 1), date(2026, 6, 30))


def each(found: Days | None) -> set[date]:
    return {found.first + ahead * DAY for ahead in range((found.last - found.first).days + 1)} if found else set()


@given(last=days, first=days)
def test_y21_a_day_is_missing_or_doubled_just_when_no_link_or_both_bring_it(last: date, first: date) -> None:
    coverage = Coverage(last_imported_on=last, first_covered_on=first)
    span = {min(last, first) + ahead * DAY for ahead in range(abs((first - last).days) + 1)}
    assert each(coverage.missing) == {day for day in span if last < day < first}
    assert each(coverage.doubled) == {day for day in span if first <= day <= last}


@given(last=days, first=days)
def test_y21_never_both_missing_and_doubled(last: date, first: date) -> None:
    coverage = Coverage(last_imported_on=last, first_covered_on=first)
    assert coverage.missing is None or coverage.doubled is None
    # Together they are exactly the days by which the new link is late or early.
    assert len(each(coverage.missing) | each(coverage.doubled)) == abs((first - last).days - 1)


@given(last=days)
def test_y21_a_link_that_begins_the_day_after_misses_and_doubles_nothing(last: date) -> None:
    coverage = Coverage(last_imported_on=last, first_covered_on=last + DAY)
    assert coverage.missing is None
    assert coverage.doubled is None


@given(first=days)
def test_y21_where_nothing_was_ever_imported_nothing_is_missing_or_doubled(first: date) -> None:
    coverage = Coverage(last_imported_on=None, first_covered_on=first)
    assert coverage.missing is None
    assert coverage.doubled is None


@given(kind=st.sampled_from(REGISTERS), relinked=days, asked=st.none() | days)
def test_y21_a_register_starts_the_day_after_whatever_was_asked_for(
    kind: LinkKind, relinked: date, asked: date | None
) -> None:
    assert first_day_covered(kind, relinked, asked) == relinked + DAY


@given(kind=st.sampled_from([LinkKind.BANK_ACCOUNT, LinkKind.OTHER]), relinked=days, asked=days)
def test_y21_other_services_start_on_the_day_asked_for_or_of_the_relink(
    kind: LinkKind, relinked: date, asked: date
) -> None:
    assert first_day_covered(kind, relinked, asked) == asked
    assert first_day_covered(kind, relinked, None) == relinked


@given(kind=st.sampled_from(REGISTERS), last=days, wait=st.integers(0, 30))
def test_y21_a_register_always_misses_the_days_up_to_the_relink(kind: LinkKind, last: date, wait: int) -> None:
    relinked = last + wait * DAY
    coverage = Coverage(last_imported_on=last, first_covered_on=first_day_covered(kind, relinked, None))
    assert len(each(coverage.missing)) == wait
    assert coverage.doubled is None


@pytest.mark.parametrize(
    ("first", "last", "text"),
    [(date(2026, 11, 4), date(2026, 11, 6), "2026-11-04 ～ 2026-11-06"), (date(2026, 11, 4),) * 2 + ("2026-11-04",)],
)
def test_y21_days_as_they_are_shown(first: date, last: date, text: str) -> None:
    assert str(Days(first=first, last=last)) == text


def test_y14_every_kind_of_link_has_its_name_and_only_two_are_registers() -> None:
    assert {kind: kind.label for kind in LinkKind} == {
        LinkKind.BANK_ACCOUNT: "口座連携",
        LinkKind.AIR_REGI: "Airレジ",
        LinkKind.UBI_REGI: "ユビレジ",
        LinkKind.OTHER: "その他の連携",
    }
    assert tuple(kind for kind in LinkKind if kind.is_register) == REGISTERS
