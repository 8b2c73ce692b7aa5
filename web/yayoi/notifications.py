"""What the short workflows of 弥生 are started with and notified of, each from its row."""

from collections.abc import Callable
from typing import Any

from models.tables import AddressCheckRow, EnquiryRow, MemberInvitationRow
from models.yayoi.address_checks import AddressCheck, CheckChanged, CheckPurpose
from models.yayoi.enquiries import EnquiryRef
from models.yayoi.member_invitations import Invitation, InvitationChanged
from web.common.workflow_notifier import Notification
from workflows.yayoi import (
    address_check,
    address_check_details,
    enquiry_forwarding,
    member_invitation,
    search_attributes,
)
from workflows.yayoi.password_setting import PasswordSetting
from workflows.yayoi.yayoi_id_registration import YayoiIdRegistration


def invitation_notification(row: MemberInvitationRow) -> Notification:
    """Notify an invitation's workflow of which link counts, and whether it was accepted or withdrawn."""
    invitation = Invitation(invitation_id=row.invitation_id)
    return Notification(
        workflow=member_invitation.MemberInvitation.run,
        workflow_id=invitation.workflow_id,
        case=invitation,
        signal=member_invitation.ROW_CHANGED,
        change=InvitationChanged(
            link_no=row.link_no,
            expires_at=row.expires_at,
            settled=row.accepted_at is not None or row.withdrawn_at is not None,
        ),
        summary=f"事業グループへの招待（受付番号 {invitation.receipt_no}）",
        details="事業グループの管理者が、別の弥生ID をグループに招待しました。メールのリンクから参加すると終了します。",
        search_attributes=search_attributes.of_invitation(),
    )


def enquiry_notification(row: EnquiryRow) -> Notification:
    """Start the forwarding of an enquiry; the row never changes afterwards."""
    enquiry = EnquiryRef(receipt_no=row.receipt_no)
    return Notification(
        workflow=enquiry_forwarding.EnquiryForwarding.run,
        workflow_id=enquiry.workflow_id,
        case=enquiry,
        signal=enquiry_forwarding.ROW_CHANGED,
        change=enquiry,
        summary=f"お問い合わせ {row.receipt_no}（お客様番号 {row.contract_id}）",
        details="お客様のお問い合わせを、担当窓口のメールへ転送します。内容は、届いたメールで確認してください。",
        search_attributes=search_attributes.of_enquiry(),
    )


_CHECKS: dict[CheckPurpose, Callable[..., Any]] = {
    CheckPurpose.REGISTRATION: YayoiIdRegistration.run,
    CheckPurpose.NEW_PASSWORD: PasswordSetting.run,
}


def address_check_notification(row: AddressCheckRow) -> Notification:
    """Which code counts, and whether the right one was typed in."""
    check = AddressCheck(check_id=row.check_id, purpose=CheckPurpose(row.purpose), ends_at=row.ends_at)
    return Notification(
        workflow=_CHECKS[check.purpose],
        workflow_id=check.workflow_id,
        case=check,
        signal=address_check.ROW_CHANGED,
        change=CheckChanged(code_no=row.code_no, finished=row.finished_at is not None),
        summary=address_check_details.summary(check),
        details=address_check_details.static_details(check),
        search_attributes=search_attributes.of_address_check(),
    )
