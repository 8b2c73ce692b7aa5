"""What MYICS' procedures are started with and notified of: each from its row (see `web.common.workflow_notifier`)."""

from collections.abc import Callable
from typing import Any

from models.common.actors import Actor
from models.myics.batches import BatchCase, BatchKind, BatchProgress
from models.myics.identifiers import BatchNo, CustomerNo, HolderNo, RegistrationNo
from models.myics.registrations import RegistrationCase, RegistrationKind, RegistrationStage
from models.tables import MyicsBatchRow, MyicsRegistrationRow
from web.common.workflow_notifier import Notification
from workflows.common.activity_options import LATER
from workflows.myics import search_attributes
from workflows.myics.address_change import AddressChange
from workflows.myics.client_batch import ClientBatch
from workflows.myics.client_registration import ClientRegistration
from workflows.myics.password_renewal import PasswordRenewal
from workflows.myics.registration import REGISTRATION_CHANGED
from workflows.myics.registration_details import registration_static_details
from workflows.myics.representative_registration import RepresentativeRegistration
from workflows.myics.user_invitation import UserInvitation

_PROCEDURES: dict[RegistrationKind, Callable[..., Any]] = {
    RegistrationKind.REPRESENTATIVE: RepresentativeRegistration.run,
    RegistrationKind.USER: UserInvitation.run,
    RegistrationKind.CLIENT: ClientRegistration.run,
    RegistrationKind.RENEWAL: PasswordRenewal.run,
    RegistrationKind.ADDRESS: AddressChange.run,
}


def registration_notification(row: MyicsRegistrationRow) -> Notification:
    """Notify a registration's procedure that it is to look at its row."""
    kind, stage = RegistrationKind(row.kind), RegistrationStage(row.stage)
    case = RegistrationCase(
        case_no=RegistrationNo(row.registration_no),
        kind=kind,
        customer_no=CustomerNo(row.customer_no),
        holder_no=HolderNo(row.client_id or row.customer_no),
        requested_at=row.requested_at,
        expires_on=row.expires_on,
        part_of=RegistrationNo(row.part_of) if row.part_of else None,
    )
    return Notification(
        workflow=_PROCEDURES[kind],
        workflow_id=case.workflow_id,
        case=case,
        signal=REGISTRATION_CHANGED,
        summary=f"{kind.label}：{row.name}（{case.holder_no.label} {case.holder_no}）",
        details=registration_static_details(case, row.name, Actor.recorded(row.requested_by).shown),
        search_attributes=search_attributes.of_registration(case, stage),
    )


def batch_notification(row: MyicsBatchRow) -> Notification:
    """Notify a file's procedure that it is to look at its row; it comes after the cases."""
    kind = BatchKind(row.kind)
    case = BatchCase(
        case_no=BatchNo(row.batch_no),
        kind=kind,
        customer_no=CustomerNo(row.customer_no) if row.customer_no else None,
        rows=row.rows,
        requested_at=row.requested_at,
        progress=BatchProgress(rows=row.rows),
    )
    return Notification(
        workflow=ClientBatch.run,
        workflow_id=case.workflow_id,
        case=case,
        summary=f"一括登録（{kind.label}）{row.rows} 行",
        details=f"受付番号：{row.batch_no}",
        search_attributes=search_attributes.of_batch(case),
        priority=LATER,
    )
