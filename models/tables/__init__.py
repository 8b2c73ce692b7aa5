"""The records in Postgres. Importing this package makes every table known to `Base.metadata`."""

from models.tables.accounts import CredentialRow, RateCountRow, WebSessionRow
from models.tables.base import Base
from models.tables.cases import (
    ApplicationOfficeRow,
    ApplicationRow,
    AuditRow,
    EventRow,
    LedgerRow,
    NoticeRow,
    RememberedLinkRow,
    SetUpStepRow,
    application_count,
)
from models.tables.customer import (
    BusinessGroupDetailsRow,
    EnquiryRow,
    MemberInvitationRow,
    SharingAgainRow,
    SupportPasswordRow,
    enquiry_count,
)
from models.tables.registry import (
    BusinessGroupRow,
    ContractIdPoolRow,
    ExistingContractRow,
    GroupMemberRow,
    IssuedContractRow,
    OfficeRow,
    OperatorRow,
    ServiceLinkRow,
    SharingRow,
    SmartImportRunRow,
    YayoiIdRow,
)
from models.tables.webhooks import RefusedFormRow, WebhookMessageRow, WebhookSubscriberRow

__all__ = [
    "ApplicationOfficeRow",
    "ApplicationRow",
    "AuditRow",
    "Base",
    "BusinessGroupDetailsRow",
    "BusinessGroupRow",
    "ContractIdPoolRow",
    "CredentialRow",
    "EnquiryRow",
    "EventRow",
    "ExistingContractRow",
    "GroupMemberRow",
    "IssuedContractRow",
    "LedgerRow",
    "MemberInvitationRow",
    "NoticeRow",
    "OfficeRow",
    "OperatorRow",
    "RateCountRow",
    "RefusedFormRow",
    "RememberedLinkRow",
    "ServiceLinkRow",
    "SetUpStepRow",
    "SharingAgainRow",
    "SharingRow",
    "SmartImportRunRow",
    "SupportPasswordRow",
    "WebSessionRow",
    "WebhookMessageRow",
    "WebhookSubscriberRow",
    "YayoiIdRow",
    "application_count",
    "enquiry_count",
]
