"""What needs a second person: asked for by one operator, approved or declined by a supervisor who has logged in."""

from dataclasses import dataclass
from datetime import date

from pydantic import Field

from models.common.actors import Actor
from models.common.operations import Operation
from models.common.operator_message import ActionMessage

APPROVAL_DAYS = 3
"""Business days after which a request lapses that nobody has answered."""
APPROVED, DECLINED, LAPSED = "承認されました", "承認されませんでした", "失効しました"
"""What came of a request, as who has asked reads it."""
AWAITS_APPROVAL = "責任者の承認を待っています。"
NOTHING_ASKED = "責任者の承認を待っている依頼はありません。"
ASKED_ALREADY = "すでに責任者の承認を待っている依頼があります。その結果を待ってください。"
ANOTHER = "この依頼は、いま承認を待っているものではありません。案件の画面を開き直してください。"
NOT_OWN = "依頼を取り下げられるのは、依頼した本人だけです。責任者は「承認しない」を使ってください。"
OWN = "自分が依頼した操作は、自分では承認できません。別の責任者に承認を依頼してください。"


class Decision(ActionMessage):
    """A supervisor's answer, or what takes the request back.

    It names the very request, by its update's id and by what that has committed to.
    """

    asked: str = Field(min_length=1, max_length=100, title="依頼")
    commitment: str = Field(min_length=1, max_length=100, title="依頼の内容の記録")


@dataclass(frozen=True)
class AskedFor:
    """A request as the workflow has accepted it: exactly this is carried out."""

    operation: Operation
    message: ActionMessage
    by: Actor
    update_id: str
    commitment: str
    stage: str
    """Where the case was: the request lapses when it has moved on."""
    lapses_on: date

    @property
    def shown(self) -> str:
        return f"{self.operation.label}（依頼：{self.by.shown}、理由：{self.message.reason}）"

    @property
    def named(self) -> dict[str, str]:
        """What an answer names it by."""
        return {"asked": self.update_id, "commitment": self.commitment}

    def refuse(self, answer: Decision) -> str | None:
        """Return why an answer is not about this request."""
        named = (answer.asked, answer.commitment) == (self.update_id, self.commitment)
        return None if named else ANOTHER

    def refuse_approval(self, approver: Actor | None) -> str | None:
        """Return why this actor cannot approve it: nobody approves their own, in whatever role they come."""
        return OWN if approver is None or approver.handle == self.by.handle else None

    def refuse_retraction(self, who: Actor | None) -> str | None:
        """Return why this actor cannot take it back."""
        return None if who is not None and who.handle == self.by.handle else NOT_OWN
