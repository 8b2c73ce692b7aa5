"""Of which case a workflow is, as ledger, audit trail and status rows number it, and which workflow leads a case."""

import re
from uuid import UUID

from models.myics.identifiers import BatchNo, RegistrationNo, registration_workflow_id
from models.yayoi.identifiers import ApplicationNo, application_workflow_id, office_workflow_id

_OF_A_CASE = re.compile(r"(?:application|myics)/([A-Z]{2}-[0-9]{6,9})(?:/.*)?")
_OF_A_CHECK = re.compile(r"(?:registration|password)/([0-9a-fA-F-]{36})")


def case_of(workflow_id: str) -> str:
    """Return the case's number; of a workflow about no numbered case, its own id."""
    if numbered := _OF_A_CASE.fullmatch(workflow_id):
        return numbered[1]
    if check := _OF_A_CHECK.fullmatch(workflow_id):
        return check[1].replace("-", "").upper()
    return workflow_id


def workflows_of(case_no: str, part: int) -> list[str]:
    """Return the ids that the workflow of a part (0: the whole) of a case may have: of a mailed code, either of two."""
    if ApplicationNo.pattern.fullmatch(case_no):
        number = ApplicationNo(case_no)
        return [office_workflow_id(number, part) if part else application_workflow_id(number)]
    if RegistrationNo.pattern.fullmatch(case_no):
        return [registration_workflow_id(RegistrationNo(case_no))]
    if BatchNo.pattern.fullmatch(case_no):
        return [registration_workflow_id(BatchNo(case_no))]
    if re.fullmatch(r"[0-9A-F]{32}", case_no):
        return [f"{kind}/{UUID(case_no)}" for kind in ("registration", "password")]
    return [case_no]
