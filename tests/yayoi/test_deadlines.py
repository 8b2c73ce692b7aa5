"""Every deadline of 弥生's rules is one number: texts take it from `models/yayoi/deadlines.py` or agree with it."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from models.common.approvals import APPROVAL_DAYS
from models.yayoi import deadlines
from web.common.auth.operator_access import OPERATORS_IDLE
from web.common.auth.sessions import LONGEST
from workflows.common.escalation import ESCALATION_DAYS

ROOT = Path(__file__).parents[2]
TYPED = re.compile(r"(?<![月\d])\d+\s*(?:営業)?日|(?<!およそ )\d+\s*(?:時間|分)")
"""A number of days, unless it is a date, of hours or of minutes, unless it is only about so long."""
TEMPLATES = [
    *(ROOT / "activities").glob("*/mails/*.md"),
    *(ROOT / "web/templates/yayoi").glob("*.html"),
    *(ROOT / "web/templates/common").glob("*.html"),
]
SOURCES = [
    path
    for layer in ("models", "activities", "workflows", "web", "workers/mail_samples")
    for path in (ROOT / layer).rglob("*.py")
    if "myics" not in path.parts and path != Path(deadlines.__file__)
]


@pytest.mark.parametrize("path", [*TEMPLATES, *SOURCES], ids=lambda path: str(path.relative_to(ROOT)))
def test_no_text_has_a_number_of_days_hours_or_minutes_typed_in(path: Path) -> None:
    assert TYPED.findall(path.read_text(encoding="utf-8")) == []


def days(counts: tuple[int, ...], between: str = "・", last: str = "・") -> str:
    *first, end = map(str, counts)
    return last.join((between.join(first), end))


def _hours(time: timedelta) -> int:
    return time // timedelta(hours=1)


APPLICANT, FOLLOW_UP = deadlines.APPLICANT_REMINDER_DAYS, deadlines.FOLLOW_UP_REMINDER_DAYS


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("docs/operators.ja.md", f"{days(APPLICANT)} 営業日後に催促し"),
        ("docs/operators.ja.md", f"確認をお願いするメールを {deadlines.HOLDER_MAIL_HOURS} 時間に 1 通まで送り"),
        ("docs/operators.ja.md", f"待てるのは {deadlines.MOST_UNCONFIRMED} 件まで"),
        ("docs/operators.ja.md", f"完了予定日の {deadlines.OPERATOR_ALERT_DAYS} 営業日前"),
        ("docs/operators.ja.md", f"完了のお知らせから {deadlines.FOLLOW_UP_OPERATOR_DAYS} 営業日たっても"),
        (
            "docs/operators.ja.md",
            "{} 営業日後に催促、{} 営業日後に責任者へ連絡、{} 営業日後に別の担当者へ".format(*ESCALATION_DAYS),
        ),
        ("docs/operators.ja.md", f"完了予定日の {deadlines.EXPIRY_DAYS} 営業日後になると期限切れ"),
        ("docs/operators.ja.md", f"期限切れ（完了予定日の {deadlines.EXPIRY_DAYS} 営業日後）"),
        ("docs/operators.ja.md", f"{days(FOLLOW_UP)} 営業日後に催促します"),
        ("docs/operators.ja.md", f"完了のお知らせから {deadlines.FOLLOW_UP_DAYS} 日で"),
        ("docs/operators.ja.md", f"{deadlines.AFTER_CLOSING_DAYS} 日の間、お客様は同じ画面で残りを設定できます"),
        ("docs/operators.ja.md", f"{APPROVAL_DAYS} 営業日以内に返事がないとき"),
        (
            "docs/operators.ja.md",
            f"ログインは、{_hours(OPERATORS_IDLE)} 時間操作しないか、{_hours(LONGEST)} 時間たつと",
        ),
        ("README.md", f"after {days(APPLICANT, ', ', ' and ')} business days"),
        ("README.md", f"until {deadlines.EXPIRY_DAYS} business days after the due date"),
        ("README.md", f"after {days(FOLLOW_UP, ', ', ' and ')}, until the case closes"),
        ("README.md", f"closes {deadlines.FOLLOW_UP_DAYS} days after the notice"),
        ("README.md", f"can still be done for {deadlines.AFTER_CLOSING_DAYS} days"),
        ("README.ja.md", f"その後も {deadlines.AFTER_CLOSING_DAYS} 日間受け付けます"),
        ("docs/webhooks.md", f"can still be done for {deadlines.AFTER_CLOSING_DAYS} days"),
        ("docs/deployment.md", f"{deadlines.MAILED_CASE_LINK_DAYS} days after the last notice"),
        (
            "docs/deployment.md",
            f"({deadlines.FOLLOW_UP_DAYS} until a case closes, {deadlines.AFTER_CLOSING_DAYS} more if",
        ),
    ],
)
def test_the_documents_state_the_deadlines_as_they_are(document: str, said: str) -> None:
    assert said in (ROOT / document).read_text(encoding="utf-8").replace("\n", " ")


def test_the_operators_guide_states_no_other_deadline() -> None:
    guide = (ROOT / "docs/operators.ja.md").read_text(encoding="utf-8")
    assert len(TYPED.findall(guide)) == 17


def test_y25_a_link_opens_as_long_as_something_can_be_done() -> None:
    assert deadlines.MAILED_CASE_LINK_DAYS == deadlines.FOLLOW_UP_DAYS + deadlines.AFTER_CLOSING_DAYS
    assert deadlines.CASE_LINK_DAYS > deadlines.MAILED_CASE_LINK_DAYS + 2 * deadlines.EXPIRY_DAYS
    assert deadlines.CODE_VALID < deadlines.ADDRESS_CHECK_LASTS < timedelta(days=deadlines.MEMBER_INVITATION_DAYS)
