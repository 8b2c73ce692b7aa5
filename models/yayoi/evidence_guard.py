"""Whether evidence may be stored: it cannot be fully deleted afterwards, so a mix-up is refused before (Y23)."""

UNKNOWN_OFFICE = "この事業所トークンの事業所データは登録されていません。事業所トークンを確認してください。"
NO_GROUP_YET = (
    "この事業所データの証憑を保存する事業グループが、まだありません。"
    "先に STEP6（事業グループの新規作成）を済ませてください。"
)
WRONG_GROUP = (
    "この弥生ID は、この事業所データの証憑を保存する事業グループに参加していません。証憑は保存しないでください。"
    "ログアウトして、この事業所データ用の弥生ID でログインし直してください。"
)


def refuse_evidence(member_of: int | None, kept_in: int | None) -> str | None:
    """Return why evidence must not be stored now, or None if it may.

    `member_of` is the group of the ID that is logged in, `kept_in` the group that the office's evidence belongs to.
    An ID in no group and one in another get the same text: else it would show whether an address is in use.
    """
    if kept_in is None:
        return NO_GROUP_YET
    return None if member_of == kept_in else WRONG_GROUP
