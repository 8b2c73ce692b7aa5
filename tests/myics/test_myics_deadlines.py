"""Every number of MYICS' rules is in `models/myics/deadlines.py`: texts take it from there or agree with it."""

import re
from pathlib import Path

import pytest

from models.common.refusals import RefusedError
from models.myics import deadlines
from models.myics.passwords import MYICS_PASSWORD
from models.myics.store.registrants import read_account
from tests.support.myics_environment import OWNER

ROOT = Path(__file__).parents[2]
TYPED = re.compile(r"\d+\s*(?:営業日|日|年|時間|分|文字|MB)|\d+\s*回(?!だけ)|\d+\s*行(?!目|に)")
"""A number of days, hours, minutes, letters, tries or rows."""
TEXTS = [
    *(ROOT / "activities/myics/mails").glob("*.md"),
    *(ROOT / "web/templates/myics").glob("*.html"),
    *(path for layer in ("models", "activities", "workflows", "web") for path in (ROOT / layer).glob("myics/**/*.py")),
]


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_text_has_a_number_typed_in(path: Path) -> None:
    assert TYPED.findall(path.read_text(encoding="utf-8")) == []


def test_m2_m6_the_longest_keyword_and_passwords_are_taken_and_longer_ones_refused() -> None:
    assert read_account(OWNER, "あ" * deadlines.KEYWORD_LENGTH)
    with pytest.raises(RefusedError, match=str(deadlines.KEYWORD_LENGTH)):
        read_account(OWNER, "あ" * (deadlines.KEYWORD_LENGTH + 1))
    assert [MYICS_PASSWORD.refusal("k7qzm2xw9rtb5vhj1"[:length]) is None for length in (7, 8, 16, 17)] == [
        False,
        True,
        True,
        False,
    ]


def test_m8_everybody_is_reminded_and_shown_to_operators_before_the_link_expires() -> None:
    business_days = 10  # of 14 days, at least, without holidays
    assert max(*deadlines.CONFIRMATION_REMINDER_DAYS, deadlines.CONFIRMATION_OPERATOR_DAYS) < business_days
    assert max(deadlines.INVITATION_REMINDER_DAYS) < business_days
    assert deadlines.USER_DAYS < deadlines.INVITATION_DAYS
    assert deadlines.INVITATION_OPERATOR_DAYS < deadlines.USER_DAYS
