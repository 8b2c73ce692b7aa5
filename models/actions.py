"""What operators and applicants can do with an office's procedure: one small JSON each (one update of the same name).

Every message says who (`by`) and why (`reason`). One that cannot be read is kept as misread, so that it is refused
before it enters history, in Japanese and with an example.
"""

from datetime import date
from enum import StrEnum
from typing import Any, ClassVar, Self, cast

from pydantic import Field, ModelWrapValidatorHandler, ValidationError, field_validator, model_validator

from models.identifiers import ContractId, OfficeToken, YayoiId
from models.links import LinkKind, RelinkDay
from models.mails import MailKind
from models.message import Message, added_later
from models.procedures import SetUpStep
from models.refusals import in_japanese

NOTHING_WRITTEN = "「Data」に何も書かれていません。JSON を貼り付けてください"


class ActionMessage(Message):
    """Who does something, and why."""

    label: ClassVar[str]
    """What the action is called in the operators' language."""

    by: str = Field(min_length=1, max_length=100)
    """Who: an operator's name, 申込者, or `system:<name>` for another system."""
    reason: str = Field(min_length=1, max_length=1000)
    event_id: str | None = None
    """The stored event that this message carries, if another system sent it."""
    misread: tuple[str, ...] = Field(default=(), exclude=True)
    """What is wrong with the JSON; empty for a message that could be read."""

    @field_validator("by", "reason", mode="after")
    @classmethod
    def _not_blank(cls, text: str) -> str:
        return text.strip()

    @model_validator(mode="wrap")
    @classmethod
    def _keep_what_is_wrong(cls, data: Any, read: ModelWrapValidatorHandler[Self]) -> Self:
        if data is None:
            return cls._misread(NOTHING_WRITTEN)
        try:
            return read(data)
        except ValidationError as error:
            wrong = tuple(f"{each.field or '全体'}：{each.message}" for each in in_japanese(error.errors()))
            return cls._misread(*wrong)

    @classmethod
    def _misread(cls, *wrong: str) -> Self:
        return cast("Self", cls.model_construct(None, by="", reason="", misread=wrong))


class CorrectPair(ActionMessage):
    """Correct what is wrong of the pair: the Yayoi ID, the office token, the ID issued before (Y2, Y3, Y5, Y9)."""

    label = "弥生ID・事業所トークンを訂正する"

    yayoi_id: YayoiId | None = None
    office_token: OfficeToken | None = None
    issued_contract_id: ContractId | None = added_later()
    """Only in 会計連携の追加 (Y9)."""


class AcceptPair(ActionMessage):
    """Go on in spite of what the check found; never for an ID of another group (Y3)."""

    label = "確認結果を承知のうえで進める"


class Reject(ActionMessage):
    """Refuse this office's application for good (Y27)."""

    label = "却下する"


class ReleaseSharing(ActionMessage):
    """Release the sharing on the applicant's behalf, with their consent (Y13)."""

    label = "申込者の同意を得て、共有を代わりに解除する"


class SharingReleased(ActionMessage):
    """Sharing with the accounting office has ended (Y13)."""

    label = "共有が解除されたことを記録する"


class ExtendDeadline(ActionMessage):
    """Give the applicant longer to mend what blocks the case (Y27)."""

    label = "期限を延ばす"

    until: date


class Hold(ActionMessage):
    """Stop: nothing goes on and nothing expires until it is resumed."""

    label = "保留にする"


class Resume(ActionMessage):
    """Go on after a hold."""

    label = "保留を解く"


class ResendMail(ActionMessage):
    """Send a mail again that was sent before."""

    label = "メールを送り直す"

    kind: MailKind


class Cancel(ActionMessage):
    """Cancel this office's application; after STEP5 began only with a supervisor (Y27)."""

    label = "取り消す"

    supervisor: str | None = None
    """The supervisor who agrees."""


class Withdraw(ActionMessage):
    """The applicant withdraws this office's application (Y27)."""

    label = "申込者の取り下げを記録する"


class SetUpStepDone(ActionMessage):
    """The customer has done one step of STEP5 or STEP6 (Y19, Y20)."""

    label = "STEP5・STEP6 の完了を記録する"

    step: SetUpStep


class ServiceRelinked(ActionMessage):
    """The customer has linked one service again (Y21)."""

    label = "サービスの再連携を記録する"

    kind: LinkKind
    service: str = Field(min_length=1, max_length=100)
    relinked_on: RelinkDay
    asked_from: RelinkDay | None = None
    """The day the customer chose to import from; registers ignore it."""


class HandOver(ActionMessage):
    """Take the case oneself or hand it to a colleague."""

    label = "担当者を替える"

    to: str = Field(min_length=1, max_length=100)


class AddNote(ActionMessage):
    """Leave a note; a case that waits for an operator waits for the applicant again."""

    label = "対応を記録する（メモ）"


class Action(StrEnum):
    """The updates, by their names in the Web UI's list."""

    CORRECT_PAIR = "correct_pair"
    ACCEPT_PAIR = "accept_pair"
    REJECT = "reject"
    RELEASE_SHARING = "release_sharing"
    REPORT_SHARING_RELEASED = "report_sharing_released"
    EXTEND_DEADLINE = "extend_deadline"
    REPORT_SET_UP_STEP = "report_set_up_step"
    REPORT_RELINK = "report_relink"
    ADD_NOTE = "add_note"
    RESEND_MAIL = "resend_mail"
    HAND_OVER = "hand_over"
    HOLD = "hold"
    RESUME = "resume"
    WITHDRAW = "withdraw"
    CANCEL = "cancel"

    @property
    def message(self) -> type[ActionMessage]:
        return _MESSAGES[self]

    @property
    def label(self) -> str:
        return self.message.label


_MESSAGES: dict[Action, type[ActionMessage]] = {
    Action.CORRECT_PAIR: CorrectPair,
    Action.ACCEPT_PAIR: AcceptPair,
    Action.REJECT: Reject,
    Action.RELEASE_SHARING: ReleaseSharing,
    Action.REPORT_SHARING_RELEASED: SharingReleased,
    Action.EXTEND_DEADLINE: ExtendDeadline,
    Action.REPORT_SET_UP_STEP: SetUpStepDone,
    Action.REPORT_RELINK: ServiceRelinked,
    Action.ADD_NOTE: AddNote,
    Action.RESEND_MAIL: ResendMail,
    Action.HAND_OVER: HandOver,
    Action.HOLD: Hold,
    Action.RESUME: Resume,
    Action.WITHDRAW: Withdraw,
    Action.CANCEL: Cancel,
}
