"""The records in Postgres. Importing this package makes every table known to `Base.metadata`."""

from models.tables.accounts import CredentialRow
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

__all__ = [
    "ApplicationOfficeRow",
    "ApplicationRow",
    "AuditRow",
    "Base",
    "BusinessGroupRow",
    "ContractIdPoolRow",
    "CredentialRow",
    "EventRow",
    "ExistingContractRow",
    "GroupMemberRow",
    "IssuedContractRow",
    "LedgerRow",
    "NoticeRow",
    "OfficeRow",
    "OperatorRow",
    "RememberedLinkRow",
    "ServiceLinkRow",
    "SetUpStepRow",
    "SharingRow",
    "SmartImportRunRow",
    "YayoiIdRow",
    "application_count",
]
