"""Which procedure a mail is about: of every product."""

from uuid import UUID

from models.myics.identifiers import RegistrationNo, registration_workflow_id
from models.yayoi.address_checks import CheckPurpose, check_workflow_id
from models.yayoi.identifiers import ApplicationNo, application_workflow_id, office_workflow_id
from models.yayoi.member_invitations import Invitation

_CHECKS = {f"code_{purpose}": purpose for purpose in CheckPurpose} | {"password_set": CheckPurpose.NEW_PASSWORD}


def workflow_of(number: str, office: int | None, kind: str) -> str:
    """Return the id of the workflow that leads the case of a mail of this kind, running or not."""
    if ApplicationNo.pattern.fullmatch(number):
        application = ApplicationNo(number)
        return office_workflow_id(application, office) if office else application_workflow_id(application)
    if RegistrationNo.pattern.fullmatch(number):
        return registration_workflow_id(RegistrationNo(number))
    if purpose := _CHECKS.get(kind):
        return check_workflow_id(purpose, UUID(number))
    return Invitation(case_no=number).workflow_id
