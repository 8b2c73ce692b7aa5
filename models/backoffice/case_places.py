"""Where a case is led: the workflow of a status row, of every product, and what operators call it."""

from typing import NamedTuple, Self
from uuid import UUID

from models.myics.batches import BATCH_WORKFLOW
from models.myics.identifiers import BatchNo, RegistrationNo, registration_workflow_id
from models.myics.registrations import RegistrationKind
from models.webhooks.messages import DELIVERY_WORKFLOW, webhook_workflow_id
from models.yayoi.address_checks import CheckPurpose, check_workflow_id, receipt_no
from models.yayoi.identifiers import ApplicationNo, application_workflow_id, office_workflow_id
from models.yayoi.procedures import APPLICATION_WORKFLOW, OFFICE_WORKFLOW

_REGISTRATIONS = {kind.workflow_type for kind in RegistrationKind}
_CHECKS = {purpose.workflow_type: purpose for purpose in CheckPurpose}


class CasePlace(NamedTuple):
    """A status row's key: a case and a part of it, as pages and forms name it (`YS-000123/1`)."""

    case_no: str
    part: int = 0
    """0: the case as a whole."""

    def __str__(self) -> str:
        return f"{self.case_no}/{self.part}"

    @classmethod
    def read(cls, text: str) -> Self:
        """Read what `str` has written. Raises `ValueError` for another text."""
        case_no, named, part = text.rpartition("/")
        if not named or not case_no or not part.isascii() or not part.isdigit():
            raise ValueError("no case and part")
        return cls(case_no, int(part))


def workflow_id_of(procedure: str, key: CasePlace) -> str:
    """Return the id of the workflow that leads the case of a status row.

    Raises `ValueError` for a procedure that the desk does not know.
    """
    if procedure == OFFICE_WORKFLOW:
        return office_workflow_id(ApplicationNo(key.case_no), key.part)
    if procedure == APPLICATION_WORKFLOW:
        return application_workflow_id(ApplicationNo(key.case_no))
    if procedure in _REGISTRATIONS:
        return registration_workflow_id(RegistrationNo(key.case_no))
    if procedure == BATCH_WORKFLOW:
        return registration_workflow_id(BatchNo(key.case_no))
    if purpose := _CHECKS.get(procedure):
        return check_workflow_id(purpose, UUID(key.case_no))
    if procedure == DELIVERY_WORKFLOW:
        return webhook_workflow_id(key.case_no)
    raise ValueError(f"no case of the desk: {procedure}")


def spoken(procedure: str, key: CasePlace) -> str:
    """Return what people call a case."""
    if procedure == OFFICE_WORKFLOW:
        return f"{key.case_no} の {key.part} 件目"
    if procedure in _CHECKS:
        return f"受付番号 {receipt_no(UUID(key.case_no))}"
    return f"通知 {key.case_no[-8:]}" if procedure == DELIVERY_WORKFLOW else key.case_no
