"""Which actor and role may send which operation of which procedure: one table, for validators, pages and documents.

Procedures are named by their workflow types, whose updates the operations are. An operation that is not here is refused
to everybody.
"""

from collections.abc import Mapping

from models.common.actors import ActorKind
from models.common.allowed_actors import (
    BY_OPERATORS,
    BY_SUPERVISORS,
    BY_WHO_ASKED,
    ON_CASES,
    Permissions,
    ProcedurePermissions,
)
from models.myics.batch_operations import BatchOperation
from models.myics.operations import RegistrationOperation
from models.webhooks.messages import WebhookOperation
from models.yayoi.address_checks import CheckOperation
from models.yayoi.operator_actions import Action

_OFFICE: ProcedurePermissions = {
    Action.CORRECT_PAIR: ON_CASES.and_also(ActorKind.APPLICANT),
    Action.CORRECT_NAMES: ON_CASES,
    Action.REPORT_CONFIRMED: ON_CASES,
    Action.REPORT_NOT_CONFIRMED: ON_CASES,
    Action.REJECT: ON_CASES,
    Action.RELEASE_SHARING: ON_CASES.and_also(ActorKind.APPLICANT),
    Action.REPORT_SHARING_RELEASED: ON_CASES.and_also(ActorKind.APPLICANT, ActorKind.SYSTEM),
    Action.EXTEND_DEADLINE: ON_CASES,
    Action.REPORT_SET_UP_STEP: ON_CASES.and_also(ActorKind.YAYOI_ID, ActorKind.SYSTEM),
    Action.REPORT_RELINK: ON_CASES.and_also(ActorKind.YAYOI_ID, ActorKind.SYSTEM),
    Action.CORRECT_RELINK: ON_CASES.and_also(ActorKind.YAYOI_ID),
    Action.RETRACT_SET_UP_STEP: ON_CASES,
    Action.RETRACT_RELINK: ON_CASES,
    Action.REOPEN: ON_CASES,
    Action.ADD_NOTE: ON_CASES,
    Action.RESEND_MAIL: ON_CASES,
    Action.RENEW_LINK: ON_CASES,
    Action.HAND_OVER: ON_CASES,
    Action.HOLD: ON_CASES,
    Action.RESUME: ON_CASES,
    Action.TRY_AGAIN: ON_CASES,
    Action.WITHDRAW: ON_CASES.and_also(ActorKind.APPLICANT),
    Action.CANCEL: ON_CASES,
    Action.ASK_CANCEL: BY_OPERATORS,
    Action.RETRACT_REQUEST: BY_WHO_ASKED,
    Action.APPROVE: BY_SUPERVISORS,
    Action.DECLINE: BY_SUPERVISORS,
}
_CHECK: ProcedurePermissions = dict.fromkeys(CheckOperation, ON_CASES)
_REGISTRATION: ProcedurePermissions = dict.fromkeys(RegistrationOperation, ON_CASES)
_INVITATION: ProcedurePermissions = {
    **_REGISTRATION,
    RegistrationOperation.RESEND: ON_CASES.and_also(ActorKind.FIRM),
    RegistrationOperation.WITHDRAW: ON_CASES.and_also(ActorKind.FIRM),
}

OPERATION_PERMISSIONS: Permissions = {
    "OfficeDataProcedure": _OFFICE,
    "MultiOfficeApplication": {Action.CANCEL: ON_CASES},
    "YayoiIdRegistration": _CHECK,
    "PasswordSetting": _CHECK,
    "RepresentativeRegistration": _REGISTRATION,
    "UserInvitation": _INVITATION,
    "ClientRegistration": _REGISTRATION,
    "PasswordRenewal": _REGISTRATION,
    "AddressChange": _REGISTRATION,
    "ClientBatch": dict.fromkeys(BatchOperation, ON_CASES),
    "WebhookDelivery": dict.fromkeys(WebhookOperation, ON_CASES),
}

PROCEDURES: Mapping[str, str] = {
    "OfficeDataProcedure": "事業所データ 1 件の手続き",
    "MultiOfficeApplication": "申込の全体",
    "YayoiIdRegistration": "弥生ID の登録",
    "PasswordSetting": "弥生ID のパスワードの設定",
    "RepresentativeRegistration": "MYICS：代表者の登録",
    "UserInvitation": "MYICS：利用者の招待",
    "ClientRegistration": "MYICS：顧問先の登録",
    "PasswordRenewal": "MYICS：パスワードの再設定",
    "AddressChange": "MYICS：メールアドレスの変更",
    "ClientBatch": "MYICS：一括登録",
    "WebhookDelivery": "他のシステムへの通知",
}
"""What each procedure is called in the operators' language, in the table's order."""
