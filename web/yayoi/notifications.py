"""What the short workflows of 弥生 are started with and notified of, each from its row."""

from collections.abc import Callable
from typing import Any

from temporalio.common import TypedSearchAttributes

from models.tables import AddressCheckRow, DraftRow, EnquiryRow, MemberInvitationRow
from models.yayoi import drafts
from models.yayoi.address_checks import AddressCheck, CheckPurpose, case_no
from models.yayoi.drafts import DraftRef
from models.yayoi.enquiries import EnquiryRef
from models.yayoi.member_invitations import Invitation
from web.common.workflow_notifier import Notification
from workflows.yayoi import address_check_details, search_attributes
from workflows.yayoi.draft_mail import DraftMail
from workflows.yayoi.enquiry_forwarding import EnquiryForwarding
from workflows.yayoi.member_invitation import MemberInvitation
from workflows.yayoi.password_setting import PasswordSetting
from workflows.yayoi.yayoi_id_registration import YayoiIdRegistration


def invitation_notification(row: MemberInvitationRow) -> Notification:
    """Notify an invitation's workflow of which link counts, and whether it was accepted or withdrawn."""
    invitation = Invitation.of_row(row.invitation_id)
    return Notification(
        workflow=MemberInvitation.run,
        workflow_id=invitation.workflow_id,
        case=invitation,
        summary=f"事業グループへの招待（受付番号 {invitation.receipt_no}）",
        details="事業グループの管理者が、別の弥生ID をグループに招待しました。メールのリンクから参加すると終了します。",
        search_attributes=search_attributes.OF_INVITATION,
    )


def enquiry_notification(row: EnquiryRow) -> Notification:
    """Start the forwarding of an enquiry; the row never changes afterwards."""
    enquiry = EnquiryRef(receipt_no=row.receipt_no)
    return Notification(
        workflow=EnquiryForwarding.run,
        workflow_id=enquiry.workflow_id,
        case=enquiry,
        summary=f"お問い合わせ {row.receipt_no}（お客様番号 {row.contract_id}）",
        details="お客様のお問い合わせを、担当窓口のメールへ転送します。内容は、届いたメールで確認してください。",
        search_attributes=search_attributes.OF_ENQUIRY,
    )


def draft_notification(row: DraftRow) -> Notification:
    """Start the mail with the link to a draft: each mail is a workflow of its own."""
    mail = DraftRef(draft_id=row.draft_id, mail_no=row.mail_no)
    return Notification(
        workflow=DraftMail.run,
        workflow_id=mail.workflow_id,
        case=mail,
        summary=f"入力途中のお申し込みのリンク（受付番号 {drafts.receipt_no(row.draft_id)}）",
        details="入力されたメールアドレスに、続きを入力するためのリンクを送ります。担当者の操作は必要ありません。",
        search_attributes=TypedSearchAttributes.empty,
    )


_CHECKS: dict[CheckPurpose, Callable[..., Any]] = {
    CheckPurpose.REGISTRATION: YayoiIdRegistration.run,
    CheckPurpose.NEW_PASSWORD: PasswordSetting.run,
}


def address_check_notification(row: AddressCheckRow) -> Notification:
    """Which code counts, and whether the right one was typed in."""
    check = AddressCheck(
        case_no=case_no(row.check_id), purpose=CheckPurpose(row.purpose), begun_at=row.begun_at, ends_at=row.ends_at
    )
    return Notification(
        workflow=_CHECKS[check.purpose],
        workflow_id=check.workflow_id,
        case=check,
        summary=address_check_details.summary(check),
        details=address_check_details.static_details(check),
        search_attributes=search_attributes.OF_ADDRESS_CHECK,
    )
