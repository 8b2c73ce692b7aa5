"""The mails (Y18): what kinds there are and how they are titled."""

from enum import StrEnum

NOTICE_SUBJECT = "【弥生】『スマート証憑管理』複数事業所データ管理用「サービス契約 ID（お客様番号）」のお知らせ"
AUTOMATIC_MAIL_SUBJECT = "【 弥生会計 24 ネットワーク 】ユーザ登録完了と「お客様番号」のお知らせ"
"""A mail that may arrive by itself and is not the notice; the receipt warns of it."""


class MailKind(StrEnum):
    """Kinds of mail; the value names the template."""

    RECEIPT = "receipt"
    RELEASE_SHARING = "release_sharing"
    RELEASE_SHARING_REMINDER = "release_sharing_reminder"
    DELAY = "delay"
    COMPLETION_NOTICE = "completion_notice"
    FOLLOW_UP_REMINDER = "follow_up_reminder"
    REJECTED = "rejected"
    EXPIRED = "expired"
    FINISHED = "finished"

    @property
    def subject(self) -> str:
        return {
            MailKind.RECEIPT: "【弥生】『スマート証憑管理』複数事業所データ管理のお申し込みを受け付けました",
            MailKind.RELEASE_SHARING: "【弥生】会計事務所との共有の解除をお願いします",
            MailKind.RELEASE_SHARING_REMINDER: "【弥生】（再送）会計事務所との共有の解除をお願いします",
            MailKind.DELAY: "【弥生】お手続きの完了が予定日より遅れます",
            MailKind.COMPLETION_NOTICE: NOTICE_SUBJECT,
            MailKind.FOLLOW_UP_REMINDER: "【弥生】『スマート証憑管理』の設定がまだ完了していません",
            MailKind.REJECTED: "【弥生】お申し込みの事業所データについて手続きを進めることができません",
            MailKind.EXPIRED: "【弥生】お申し込みは期限切れとなりました",
            MailKind.FINISHED: "【弥生】『スマート証憑管理』複数事業所データ管理のお手続きが終了しました",
        }[self]
