"""Saying what is wrong with an office token that was pasted (Y4, Y8); whether it exists is not said."""

import re
import unicodedata

from models.yayoi.identifiers import OfficeToken

_INSIDE = re.compile(r"(?<![0-9a-z])[0-9a-z]{8}(?:-[0-9a-z]{4}){3}-[0-9a-z]{12}(?![0-9a-z])")
_STRANGE = re.compile(r"[^0-9a-z-]")
LENGTHS = (8, 4, 4, 4, 12)
LONGEST = 400


def what_is_wrong(typed: str) -> str | None:
    """Return what is wrong with it in Japanese, and what to do; None for a token of the right form."""
    if len(typed) > LONGEST:
        return "長すぎます。事業所トークンだけを貼り付けてください。"
    token = OfficeToken.normalise(typed)
    if not token:
        return "入力してください。"
    if OfficeToken.pattern.fullmatch(token):
        return None
    if inside := _INSIDE.findall(unicodedata.normalize("NFKC", typed).lower()):
        return f"事業所トークンのほかの文字が含まれています。「{inside[0]}」だけを貼り付けてください。"
    if strange := sorted(set(_STRANGE.findall(token))):
        return f"使えない文字（{'、'.join(strange[:5])}）が含まれています。{OfficeToken.refusal}"
    lengths = tuple(map(len, token.split("-")))
    if len(lengths) == 1 and sum(lengths) == sum(LENGTHS):
        return "区切りのハイフン（-）がありません。「8桁-4桁-4桁-4桁-12桁」のとおりに、ハイフンを入れてください。"
    found = "-".join(f"{length}桁" for length in lengths[: len(LENGTHS) + 1])
    return f"桁数が違います（入力されたもの：{found}）。{OfficeToken.refusal}途中で切れていないか確認してください。"
