"""The days of a re-link as they may be typed (Y21)."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.common.typed_days import NO_DAY, NO_SUCH_DAY
from models.yayoi.relink_form import AFTER_RELINK, BEFORE_APPLICATION, FUTURE, RelinkRule
from models.yayoi.service_links import Coverage, LinkKind, first_day_covered, seamless_from

TODAY, APPLIED = date(2026, 11, 20), date(2026, 11, 4)
DAYS = st.dates(date(2020, 1, 1), date(2030, 12, 31))


def rule(kind: LinkKind = LinkKind.OTHER, imported: date | None = None) -> RelinkRule:
    return RelinkRule(kind, TODAY, APPLIED, imported)


@given(st.sampled_from(LinkKind), DAYS, st.none() | DAYS, st.none() | DAYS)
def test_y21_only_days_that_can_be_are_taken(
    kind: LinkKind, relinked_on: date, asked_from: date | None, imported: date | None
) -> None:
    typed = asked_from.isoformat() if asked_from else ""
    days = rule(kind, imported).read(relinked_on.isoformat(), typed)
    possible = APPLIED <= relinked_on <= TODAY
    recommended = imported + timedelta(days=1) if imported else relinked_on
    begins = kind.is_register or asked_from is None or asked_from <= max(relinked_on, recommended)
    assert (days.errors == {}) == (possible and begins)
    assert days.relinked_on == relinked_on
    # A register always starts on the day after: there is nothing to choose.
    assert days.asked_from == (None if kind.is_register else asked_from)


@pytest.mark.parametrize("typed", ["2026-11-20", "2026/11/20", "２０２６／１１／２０", " 2026.11.20 "])
def test_y8_a_day_is_read_however_it_is_typed(typed: str) -> None:
    days = rule().read(typed, "")
    assert (days.relinked_on, days.errors) == (TODAY, {})


@pytest.mark.parametrize(
    ("relinked_on", "asked_from", "errors"),
    [
        ("", "", {"relinked_on": NO_DAY}),
        ("昨日", "", {"relinked_on": NO_DAY}),
        ("2026-02-30", "", {"relinked_on": NO_SUCH_DAY.format("2026年2月30日")}),
        ((TODAY + timedelta(days=1)).isoformat(), "", {"relinked_on": FUTURE}),
        ((APPLIED - timedelta(days=1)).isoformat(), "", {"relinked_on": BEFORE_APPLICATION}),
        ("2026-11-19", "2026-11-20", {"asked_from": AFTER_RELINK}),
        ("2026-11-19", "いつか", {"asked_from": NO_DAY}),
    ],
)
def test_y21_what_is_wrong_is_said_at_its_field(relinked_on: str, asked_from: str, errors: dict[str, str]) -> None:
    assert rule().read(relinked_on, asked_from).errors == errors


@given(st.sampled_from([kind for kind in LinkKind if not kind.is_register]), DAYS, st.dates(APPLIED, TODAY))
def test_y21_the_recommended_day_is_taken_and_leaves_nothing_missing_or_doubled(
    kind: LinkKind, imported: date, relinked_on: date
) -> None:
    asked_from = seamless_from(imported)
    assert rule(kind, imported).errors(relinked_on, asked_from) == {}
    covered = Coverage(last_imported_on=imported, first_covered_on=first_day_covered(kind, relinked_on, asked_from))
    assert (covered.missing, covered.doubled) == (None, None)
