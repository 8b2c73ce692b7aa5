"""What the workflows of 弥生's rows are started with and notified of: each from its row."""

from collections.abc import Callable
from typing import Any

from models.tables import AddressCheckRow
from models.yayoi.address_checks import AddressCheck, CheckNews, CheckPurpose
from web.common.workflow_notifier import Notification
from workflows.yayoi import address_check, address_check_details, search_attributes
from workflows.yayoi.password_setting import PasswordSetting
from workflows.yayoi.yayoi_id_registration import YayoiIdRegistration

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
        change=CheckNews(code_no=row.code_no, finished=row.finished_at is not None),
        summary=address_check_details.summary(check),
        details=address_check_details.static_details(check),
        search_attributes=search_attributes.of_address_check(),
    )
