"""The mails (Y18): what kinds there are and how they are titled."""

from enum import StrEnum

NOTICE_SUBJECT = "【弥生】『スマート証憑管理』複数事業所データ管理用「サービス契約 ID（お客様番号）」のお知らせ"
AUTOMATIC_MAIL_SUBJECT = "【 弥生会計 24 ネットワーク 】ユーザ登録完了と「お客様番号」のお知らせ"
"""A mail that may arrive by itself and is not the notice; the receipt warns of it."""
REFUSED_FORM_SUBJECT = "〔担当者〕受け付けられないフォームが届きました"


class MailKind(StrEnum):
    """Kinds of mail; the value names the template."""

    RECEIPT = "receipt"
    CONFIRM_APPLICATIONS = "confirm_applications"
    CORRECTION_NEEDED = "correction_needed"
    CORRECTION_REMINDER = "correction_reminder"
    RELEASE_SHARING = "release_sharing"
    RELEASE_SHARING_REMINDER = "release_sharing_reminder"
    DEADLINE_EXTENDED = "deadline_extended"
    DELAY = "delay"
    COMPLETION_NOTICE = "completion_notice"
    LINK_ADDED = "link_added"
    FOLLOW_UP_REMINDER = "follow_up_reminder"
    FOLLOW_UP_ENDED = "follow_up_ended"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    TERMINATED = "terminated"
    FINISHED = "finished"
    NOT_STARTED = "not_started"
    CASE_LINK = "case_link"
    DUE_DATE_IN_DANGER = "due_date_in_danger"
    OPERATOR_REMINDER = "operator_reminder"
    OPERATOR_ESCALATION = "operator_escalation"
    HANDED_OVER = "handed_over"
    APPROVAL_ANSWERED = "approval_answered"

    @property
    def for_operators(self) -> bool:
        """Whether it goes to an operator instead of the applicant."""
        return self in {
            *(MailKind.DUE_DATE_IN_DANGER, MailKind.OPERATOR_REMINDER, MailKind.OPERATOR_ESCALATION),
            *(MailKind.HANDED_OVER, MailKind.APPROVAL_ANSWERED),
        }

    @property
    def subject(self) -> str:
        return {
            MailKind.RECEIPT: "【弥生】『スマート証憑管理』複数事業所データ管理のお申し込みを受け付けました",
            MailKind.CONFIRM_APPLICATIONS: "【弥生】お申し込みの確認をお願いします",
            MailKind.CORRECTION_NEEDED: "【弥生】お申し込み内容の訂正をお願いします",
            MailKind.CORRECTION_REMINDER: "【弥生】（再送）お申し込み内容の訂正をお願いします",
            MailKind.RELEASE_SHARING: "【弥生】会計事務所との共有の解除をお願いします",
            MailKind.RELEASE_SHARING_REMINDER: "【弥生】（再送）会計事務所との共有の解除をお願いします",
            MailKind.DEADLINE_EXTENDED: "【弥生】お手続きの期限を変更しました",
            MailKind.DELAY: "【弥生】お手続きの完了が予定日より遅れます",
            MailKind.COMPLETION_NOTICE: NOTICE_SUBJECT,
            MailKind.LINK_ADDED: "【弥生】『スマート証憑管理』会計連携の追加が完了しました",
            MailKind.FOLLOW_UP_REMINDER: "【弥生】『スマート証憑管理』の設定がまだ完了していません",
            MailKind.FOLLOW_UP_ENDED: "【弥生】『スマート証憑管理』の残りの設定は、引き続き行うことができます",
            MailKind.REJECTED: "【弥生】お申し込みの事業所データについて手続きを進めることができません",
            MailKind.WITHDRAWN: "【弥生】お申し込みの取り下げを承りました",
            MailKind.CANCELLED: "【弥生】お申し込みを取り消しました",
            MailKind.EXPIRED: "【弥生】お申し込みは期限切れとなりました",
            MailKind.TERMINATED: "【弥生】お申し込みの手続きを終了しました",
            MailKind.FINISHED: "【弥生】『スマート証憑管理』複数事業所データ管理のお手続きが終了しました",
            MailKind.NOT_STARTED: "【弥生】お申し込みの手続きを始めることができませんでした",
            MailKind.CASE_LINK: "【弥生】お手続きの状況の画面をお知らせします",
            MailKind.DUE_DATE_IN_DANGER: "〔担当者〕完了予定日が近づいています",
            MailKind.OPERATOR_REMINDER: "〔担当者〕対応待ちの手続きがあります",
            MailKind.OPERATOR_ESCALATION: "〔責任者〕対応されていない手続きがあります",
            MailKind.HANDED_OVER: "〔担当者〕手続きの担当になりました",
            MailKind.APPROVAL_ANSWERED: "〔担当者〕承認の依頼の結果をお知らせします",
        }[self]
