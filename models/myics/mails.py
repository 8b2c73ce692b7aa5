"""The mails of MYICS: what kinds there are and their subjects (M1, M2, M4, M8)."""

from enum import StrEnum

INVITATION_SUBJECT = "日本ICS株式会社【重要】Webサービスサイト (MYICS) 開設のご案内とユーザー登録のお願い"
"""M1: to the letter."""


class MyicsMail(StrEnum):
    """Kinds of mail; the value names the template."""

    INVITATION = "myics_invitation"
    CONFIRMATION = "myics_confirmation"
    USER_INVITATION = "myics_user_invitation"
    INVITATION_REMINDER = "myics_invitation_reminder"
    CONFIRMATION_REMINDER = "myics_confirmation_reminder"
    USER_REMINDER = "myics_user_reminder"
    REGISTERED = "myics_registered"
    EXPIRED = "myics_expired"
    WITHDRAWN = "myics_withdrawn"
    LOCKED = "myics_locked"
    RENEWAL = "myics_renewal"
    RENEWED = "myics_renewed"
    ADDRESS_CHANGE = "myics_address_change"
    ADDRESS_CHANGE_REMINDER = "myics_address_change_reminder"
    ADDRESS_CHANGED = "myics_address_changed"
    ADDRESS_LEFT = "myics_address_left"
    """The same to the address before."""
    OPERATOR_REMINDER = "myics_operator_reminder"
    OPERATOR_ESCALATION = "myics_operator_escalation"
    HANDED_OVER = "myics_handed_over"

    @property
    def for_operators(self) -> bool:
        """Whether it goes to the operator in charge or to a supervisor."""
        return self in {MyicsMail.OPERATOR_REMINDER, MyicsMail.OPERATOR_ESCALATION, MyicsMail.HANDED_OVER}

    @property
    def subject(self) -> str:
        return {
            MyicsMail.INVITATION: INVITATION_SUBJECT,
            MyicsMail.CONFIRMATION: "日本ICS株式会社 MYICS 仮登録完了とユーザー情報確認のお願い",
            MyicsMail.USER_INVITATION: "日本ICS株式会社 MYICS ユーザー新規作成のお知らせ",
            MyicsMail.INVITATION_REMINDER: f"（再送）{INVITATION_SUBJECT}",
            MyicsMail.CONFIRMATION_REMINDER: "（再送）日本ICS株式会社 MYICS 仮登録完了とユーザー情報確認のお願い",
            MyicsMail.USER_REMINDER: "（再送）日本ICS株式会社 MYICS ユーザー新規作成のお知らせ",
            MyicsMail.REGISTERED: "日本ICS株式会社 MYICS ユーザー登録完了のお知らせ",
            MyicsMail.EXPIRED: "日本ICS株式会社 MYICS ユーザー登録の期限切れのお知らせ",
            MyicsMail.WITHDRAWN: "日本ICS株式会社 MYICS ユーザー登録の取り下げのお知らせ",
            MyicsMail.LOCKED: "日本ICS株式会社 MYICS 入力誤りによるロックのお知らせ",
            MyicsMail.RENEWAL: "日本ICS株式会社 MYICS パスワード再設定のご案内",
            MyicsMail.RENEWED: "日本ICS株式会社 MYICS パスワード変更のお知らせ",
            MyicsMail.ADDRESS_CHANGE: "日本ICS株式会社 MYICS ユーザーアカウント変更の確認のお願い",
            MyicsMail.ADDRESS_CHANGE_REMINDER: "（再送）日本ICS株式会社 MYICS ユーザーアカウント変更の確認のお願い",
            MyicsMail.ADDRESS_CHANGED: "日本ICS株式会社 MYICS ユーザーアカウント変更のお知らせ",
            MyicsMail.ADDRESS_LEFT: "日本ICS株式会社 MYICS ユーザーアカウント変更のお知らせ",
            MyicsMail.OPERATOR_REMINDER: "〔担当者〕対応待ちの MYICS の手続きがあります",
            MyicsMail.OPERATOR_ESCALATION: "〔責任者〕対応されていない MYICS の手続きがあります",
            MyicsMail.HANDED_OVER: "〔担当者〕MYICS の手続きの担当になりました",
        }[self]
