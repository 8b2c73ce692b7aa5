"""What operators and applicants can do with an office's procedure: one small JSON each."""

from datetime import date

from pydantic import Field

from models.common.operations import Operation
from models.common.operator_actions import AddNote, HandOver
from models.common.operator_message import ActionMessage
from models.yayoi.identifiers import ContractId, OfficeToken, YayoiId
from models.yayoi.mails import MailKind
from models.yayoi.procedures import SetUpStep
from models.yayoi.service_links import LinkKind, RelinkDay


class CorrectPair(ActionMessage):
    """Correct what is wrong of the pair: the Yayoi ID, the office token, the ID issued before (Y2, Y3, Y5, Y9)."""

    label = "弥生ID・事業所トークンを訂正する"

    yayoi_id: YayoiId | None = None
    office_token: OfficeToken | None = None
    issued_contract_id: ContractId | None = None
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
    """Give the applicant longer to correct what blocks the case (Y27)."""

    label = "期限を延ばす"

    until: date


class Hold(ActionMessage):
    """Stop until it is resumed: no step, no reminder, no expiry."""

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


class Action(Operation):
    """The updates, by their names in the Web UI's list."""

    CORRECT_PAIR = "correct_pair", CorrectPair
    ACCEPT_PAIR = "accept_pair", AcceptPair
    REJECT = "reject", Reject
    RELEASE_SHARING = "release_sharing", ReleaseSharing
    REPORT_SHARING_RELEASED = "report_sharing_released", SharingReleased
    EXTEND_DEADLINE = "extend_deadline", ExtendDeadline
    REPORT_SET_UP_STEP = "report_set_up_step", SetUpStepDone
    REPORT_RELINK = "report_relink", ServiceRelinked
    ADD_NOTE = "add_note", AddNote
    RESEND_MAIL = "resend_mail", ResendMail
    HAND_OVER = "hand_over", HandOver
    HOLD = "hold", Hold
    RESUME = "resume", Resume
    WITHDRAW = "withdraw", Withdraw
    CANCEL = "cancel", Cancel
