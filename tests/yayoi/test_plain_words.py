"""One message for one mistake, and one name for one thing, on whatever page somebody meets it."""

import re
from pathlib import Path

import pytest

from models.yayoi.evidence_guard import NO_GROUP_YET, UNKNOWN_OFFICE, WRONG_GROUP
from models.yayoi.identifiers import OfficeToken

WEB = Path(__file__).parents[2] / "web"
TOO_SHORT = "c0000003-0000-4000-8000-00000000000"
SAID = OfficeToken.why_not(TOO_SHORT)


@pytest.mark.parametrize("reason", [UNKNOWN_OFFICE, NO_GROUP_YET, WRONG_GROUP])
def test_y23_every_refusal_of_evidence_says_not_to_store_it_and_what_to_do(reason: str) -> None:
    assert "証憑は保存しないでください。" in reason
    assert "ログイン" in reason or "もう一度入力してください" in reason


def test_y4_what_is_wrong_with_a_token_says_what_was_typed_and_what_is_wanted() -> None:
    assert "入力されたもの：8桁-4桁-4桁-4桁-11桁" in SAID
    assert "「8桁-4桁-4桁-4桁-12桁」" in SAID


def test_no_text_calls_the_address_of_a_page_a_mail_address() -> None:
    wrong = re.compile(r"(?<!メール)アドレス(?:を(?:開|保存|控|お気に入り)|（URL）)|(?:画面|ページ)のアドレス")
    for template in (WEB / "templates").rglob("*.html"):
        assert not wrong.search(template.read_text(encoding="utf-8")), template
