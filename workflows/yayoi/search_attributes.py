"""What 弥生's procedures start with as search attributes."""

from enum import StrEnum

from temporalio.common import SearchAttributePair, TypedSearchAttributes

from models.common.waiting_for import WaitingFor
from models.yayoi.address_checks import CheckStage
from models.yayoi.enquiries import EnquiryStage
from models.yayoi.member_invitations import InvitationStage
from models.yayoi.messages import ApplicationCase, OfficeCase
from models.yayoi.procedures import ApplicationStage, Stage
from workflows.common.search_attributes import STAGE, WAITING_FOR, of_new_case


def of_application(case: ApplicationCase) -> TypedSearchAttributes:
    """What a `MultiOfficeApplication` starts with."""
    return _initial(case.offices[0], ApplicationStage.RECEIVED)


def of_office(case: OfficeCase) -> TypedSearchAttributes:
    """What an `OfficeDataProcedure` starts with."""
    return _initial(case, Stage.CHECK)


def _initial(case: OfficeCase, stage: Stage | ApplicationStage) -> TypedSearchAttributes:
    return of_new_case(
        case.application_no, stage, case.procedure, case.existing_contract_id, case.due_date, assignee=case.assignee
    )


def _begins_at(stage: StrEnum, waiting_for: WaitingFor) -> TypedSearchAttributes:
    return TypedSearchAttributes([SearchAttributePair(STAGE, stage), SearchAttributePair(WAITING_FOR, waiting_for)])


OF_INVITATION = _begins_at(InvitationStage.INVITED, WaitingFor.APPLICANT)
OF_ENQUIRY = _begins_at(EnquiryStage.RECEIVED, WaitingFor.SYSTEM)
OF_ADDRESS_CHECK = _begins_at(CheckStage.CODE, WaitingFor.APPLICANT)
