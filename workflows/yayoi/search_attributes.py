"""What 弥生's procedures start with as search attributes."""

from datetime import timedelta
from enum import StrEnum

from temporalio.common import SearchAttributePair, TypedSearchAttributes

from models.common.calendar import end_of
from models.common.waiting_for import WaitingFor
from models.yayoi.address_checks import CheckStage
from models.yayoi.enquiries import EnquiryStage
from models.yayoi.member_invitations import InvitationStage
from models.yayoi.messages import ApplicationCase, OfficeCase
from models.yayoi.procedures import ApplicationStage, Stage
from workflows.common.search_attributes import (
    APPLICATION_NO,
    ASSIGNEE,
    DUE_DATE,
    EXISTING_CONTRACT_ID,
    ON_HOLD,
    OVERDUE,
    PROCEDURE,
    STAGE,
    WAITING_FOR,
)


def of_application(case: ApplicationCase) -> TypedSearchAttributes:
    """What a `MultiOfficeApplication` starts with."""
    return _initial(case.offices[0], ApplicationStage.RECEIVED)


def of_office(case: OfficeCase) -> TypedSearchAttributes:
    """What an `OfficeDataProcedure` starts with."""
    return _initial(case, Stage.CHECK)


def _initial(case: OfficeCase, stage: Stage | ApplicationStage) -> TypedSearchAttributes:
    # The last second of the due date in Japan, so that the list shows the day itself.
    due = end_of(case.due_date) - timedelta(seconds=1)
    assignee = [SearchAttributePair(ASSIGNEE, case.assignee)] if case.assignee else []
    return TypedSearchAttributes(
        [
            *assignee,
            SearchAttributePair(APPLICATION_NO, case.application_no),
            SearchAttributePair(STAGE, stage),
            SearchAttributePair(WAITING_FOR, WaitingFor.SYSTEM),
            SearchAttributePair(PROCEDURE, case.procedure),
            SearchAttributePair(EXISTING_CONTRACT_ID, case.existing_contract_id),
            SearchAttributePair(DUE_DATE, due),
            SearchAttributePair(OVERDUE, False),
            SearchAttributePair(ON_HOLD, False),
        ]
    )


def _begins_at(stage: StrEnum, waiting_for: WaitingFor) -> TypedSearchAttributes:
    return TypedSearchAttributes([SearchAttributePair(STAGE, stage), SearchAttributePair(WAITING_FOR, waiting_for)])


OF_INVITATION = _begins_at(InvitationStage.INVITED, WaitingFor.APPLICANT)
OF_ENQUIRY = _begins_at(EnquiryStage.RECEIVED, WaitingFor.SYSTEM)
OF_ADDRESS_CHECK = _begins_at(CheckStage.CODE, WaitingFor.APPLICANT)
