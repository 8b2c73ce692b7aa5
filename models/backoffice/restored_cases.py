"""What a restore says of each case: that it goes on, was undone, or is for a person to decide."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What became of it."""

    CONTINUED = "continued"
    UNDONE = "undone"
    TO_DECIDE = "to_decide"

    @property
    def label(self) -> str:
        return _LABELS[self]


_LABELS = {
    Verdict.CONTINUED: "続いている",
    Verdict.UNDONE: "取りやめた",
    Verdict.TO_DECIDE: "判断が必要",
}


@dataclass(frozen=True)
class RestoredCase:
    """What was found and done about one workflow."""

    workflow_id: str
    verdict: Verdict
    detail: str
    case_no: str | None = None
    part: int | None = None


SAME = "記録と手続きは一致しています。そのまま続きます。"
STARTED_ANEW = "手続きがなかったため、記録をもとに始め直しました。同じことは二度行いません。"
ROW_AHEAD = "手続きが記録より古かったため、記録に合わせてやり直しました。同じことは二度行いません。"
WORKFLOW_AHEAD = (
    "手続きが記録より新しく、失われた記録があります。記録をもとにやり直しました。"
    "失われた間にお客様へお知らせした内容と違わないかを確認し、送信を再開してください。"
)
NO_ROW = "記録のない手続きのため、終わらせました。失われた間に受け付けた申込です。お客様に確認してください。"
OF_ANOTHER = "同じ番号で、記録とは別の手続きがあったため、終わらせました。"
ERASED = "個人の情報を消去した方の手続きのため、終わらせました。"
ENDED = "記録では続いていますが、手続きは終わっています。担当者が判断してください。"
GONE = "記録では続いていますが、手続きがなく、始め直すこともできません。担当者が判断してください。"
