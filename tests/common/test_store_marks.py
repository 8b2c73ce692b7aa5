"""Whether the two stores belong together follows from what both carry."""

import pytest

from models.common.store_marks import Fit, StoreMark, fit, is_served

FIRST, FIFTH = StoreMark(1, "a", 1), StoreMark(1, "a", 5)
NEXT_EPOCH, STRANGER = StoreMark(2, "b", 1), StoreMark(1, "z", 5)


@pytest.mark.parametrize(
    ("postgres", "temporal", "expected", "served"),
    [
        (None, None, Fit.NEW, True),
        (StoreMark(1, "a", 0), None, Fit.NEW, True),
        (FIRST, None, Fit.NEW, True),  # Temporal is about to be given the first one
        (FIFTH, FIFTH, Fit.TOGETHER, True),
        (FIFTH, StoreMark(1, "a", 4), Fit.TOGETHER, True),
        (FIFTH, FIRST, Fit.TEMPORAL_OLDER, True),  # rolled back: people hear of it
        (FIFTH, None, Fit.TEMPORAL_OLDER, False),  # another, empty Temporal
        (NEXT_EPOCH, FIFTH, Fit.TEMPORAL_OLDER, False),
        (FIRST, FIFTH, Fit.POSTGRES_OLDER, False),
        (None, FIFTH, Fit.POSTGRES_OLDER, False),
        (FIFTH, NEXT_EPOCH, Fit.POSTGRES_OLDER, False),
        (FIFTH, STRANGER, Fit.STRANGERS, False),
        (NEXT_EPOCH, NEXT_EPOCH, Fit.TOGETHER, True),
    ],
)
def test_what_does_not_belong_together_is_not_served(
    postgres: StoreMark | None, temporal: StoreMark | None, expected: Fit, served: bool
) -> None:
    found = fit(postgres, temporal)
    assert found is expected
    assert is_served(found, postgres, temporal) is served
