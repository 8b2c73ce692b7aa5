"""What operators and applicants can do with an office's procedure: one message each."""

from enum import StrEnum

from pydantic import Field

from models.common.approvals import Decision
from models.common.names import FullWidthName
from models.common.operations import Operation
from models.common.operator_actions import EndCase, HandOver
from models.common.operator_message import ActionMessage
from models.common.typed_days import TypedDay
from models.yayoi.application_form import OfficeName
from models.yayoi.identifiers import ContractId, OfficeToken, YayoiId
from models.yayoi.mails import MailKind
from models.yayoi.procedures import SetUpStep
from models.yayoi.service_links import LinkNumber


class CorrectPair(ActionMessage):
    """Correct what is wrong of the pair: the Yayoi ID, the office token, the ID issued before (Y2, Y3, Y5, Y9)."""

    yayoi_id: YayoiId | None = Field(default=None, title="弥生ID（メールアドレス）")
    office_token: OfficeToken | None = Field(default=None, title="事業所トークン")
    issued_contract_id: ContractId | None = Field(default=None, title="発行済みのサービス契約ID")
    """Only in 会計連携の追加 (Y9)."""


class CorrectNames(ActionMessage):
    """Correct a name as the applicant has typed it (Y6); an office that is linked is called as the registry has it."""

    family_name: FullWidthName | None = Field(default=None, title="申込者の姓（全角）")
    given_name: FullWidthName | None = Field(default=None, title="申込者の名（全角）")
    office_name: OfficeName | None = Field(default=None, title="事業所データの名前")


class SharingReleased(ActionMessage):
    """Sharing with the accounting office has ended (Y13)."""


class ExtendDeadline(ActionMessage):
    """Give the applicant longer to correct what blocks the case (Y27)."""

    until: TypedDay = Field(title="新しい期限")


class ResendMail(ActionMessage):
    """Send a mail again that was sent before."""

    kind: MailKind = Field(title="送り直すメール")


class LinkHolder(StrEnum):
    """Whose link to our pages it is."""

    APPLICANT = "applicant"
    PAIR = "pair"
    """Of the pair's own Yayoi ID: it opens that office alone."""
    HOLDER = "holder"
    """All that the contract's holder was mailed (Y5a)."""

    @property
    def label(self) -> str:
        return {
            LinkHolder.APPLICANT: "申込者のリンク（申込全体）",
            LinkHolder.PAIR: "弥生ID のリンク（この事業所データ）",
            LinkHolder.HOLDER: "契約者のリンク（確認・終了・お申し込み）",
        }[self]


class RenewLink(ActionMessage):
    """End a link that others know, and mail a new one to whose it is."""

    whose: LinkHolder = Field(title="無効にするリンク")


class Cancel(EndCase):
    """Cancel this office's application, before STEP5 has begun (Y27)."""


class AskCancel(EndCase):
    """Ask a supervisor to agree to a cancellation after STEP5 has begun (Y27)."""


class SetUpStepDone(ActionMessage):
    """The customer has done one step of STEP5 or STEP6 (Y19, Y20)."""

    step: SetUpStep = Field(title="完了したこと")


class ServiceRelinked(ActionMessage):
    """The customer has linked one service again (Y21)."""

    link: LinkNumber
    relinked_on: TypedDay = Field(title="再連携した日")
    asked_from: TypedDay | None = Field(
        default=None,
        title="取引を取り込み始める日",
        description="お客様が取り込みの開始日を選んだときに、その日を入力します。",
    )
    """The day the customer chose to import from; registers ignore it."""


class CorrectRelink(ServiceRelinked):
    """A service that is linked again was recorded with a wrong day (Y21)."""


class RetractRelink(ActionMessage):
    """A service that is not linked again was recorded by mistake (Y21)."""

    link: LinkNumber


class RetractSetUpStep(ActionMessage):
    """A step that is not done was recorded by mistake (Y20)."""

    step: SetUpStep = Field(title="取り消す記録")


class Action(Operation):
    """The updates, by their names in the Web UI's list."""

    CORRECT_PAIR = "correct_pair", CorrectPair, "弥生ID・事業所トークンを訂正する"
    CORRECT_NAMES = "correct_names", CorrectNames, "申込者・事業所データの名前を訂正する"
    REPORT_CONFIRMED = "report_confirmed", ActionMessage, "契約者の確認を記録する（申込全体）"
    REPORT_NOT_CONFIRMED = (
        "report_not_confirmed",
        ActionMessage,
        "契約者が確認しなかったことを記録し、申込全体を終了する",
    )
    REJECT = "reject", EndCase, "却下する"
    RELEASE_SHARING = "release_sharing", ActionMessage, "申込者の同意を得て、共有を代わりに解除する"
    REPORT_SHARING_RELEASED = "report_sharing_released", SharingReleased, "共有が解除されたことを記録する"
    EXTEND_DEADLINE = "extend_deadline", ExtendDeadline, "期限を延ばす"
    REPORT_SET_UP_STEP = "report_set_up_step", SetUpStepDone, "STEP5・STEP6 の完了を記録する"
    REPORT_RELINK = "report_relink", ServiceRelinked, "サービスの再連携を記録する"
    CORRECT_RELINK = "correct_relink", CorrectRelink, "記録した再連携の日を訂正する"
    RETRACT_SET_UP_STEP = "retract_set_up_step", RetractSetUpStep, "間違えて記録した STEP5・STEP6 の完了を取り消す"
    RETRACT_RELINK = "retract_relink", RetractRelink, "間違えて記録した再連携を取り消す"
    REOPEN = "reopen", ActionMessage, "終了した手続きを再開する"
    ADD_NOTE = "add_note", ActionMessage, "対応を記録する（メモ）"
    RESEND_MAIL = "resend_mail", ResendMail, "メールを送り直す"
    RENEW_LINK = "renew_link", RenewLink, "リンクを無効にし、新しいリンクをメールで送る"
    HAND_OVER = "hand_over", HandOver, "担当者を替える"
    HOLD = "hold", ActionMessage, "保留にする"
    RESUME = "resume", ActionMessage, "保留を解く"
    TRY_AGAIN = "try_again", ActionMessage, "受け付けられなかった処理を、もう一度試す"
    WITHDRAW = "withdraw", EndCase, "申込者の取り下げを記録する"
    CANCEL = "cancel", Cancel, "取り消す"
    ASK_CANCEL = "ask_cancel", AskCancel, "取り消しの承認を、責任者に依頼する"
    RETRACT_REQUEST = "retract_request", Decision, "自分が依頼した承認を取り下げる"
    APPROVE = "approve", Decision, "責任者として、依頼された操作を承認する"
    DECLINE = "decline", Decision, "責任者として、依頼された操作を承認しない"
