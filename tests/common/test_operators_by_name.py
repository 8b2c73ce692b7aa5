"""Operators in texts, by what a colleague calls them: what the handle is for is left to the audit."""

import pytest

from models.common.operators_by_name import by_name
from workflows.common.details import table


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("メモを残す（担当者 sk：お電話で確認）", "メモを残す（担当者 佐藤：お電話で確認）"),
        ("担当者は sk（自動）", "担当者は 佐藤（自動）"),
        ("担当者「tk」は休暇中です。", "担当者「高橋」は休暇中です。"),
        ("取り消す（依頼：担当者 gone、理由：二重）", "取り消す（依頼：担当者 gone、理由：二重）"),
        ("sk に連絡する担当者", "sk に連絡する担当者"),
        (table(("項目", "内容"), [("担当者", "sk")]), table(("項目", "内容"), [("担当者", "佐藤")])),
    ],
)
def test_a_handle_is_shown_as_the_name_of_whom_it_is(text: str, shown: str) -> None:
    assert by_name(text, {"sk": "佐藤", "tk": "高橋"}) == shown
