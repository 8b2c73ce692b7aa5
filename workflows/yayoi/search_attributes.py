"""What 弥生's procedures start with as search attributes."""

from datetime import timedelta

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


def of_invitation() -> TypedSearchAttributes:
    """What the procedure of an invitation starts with."""
    return TypedSearchAttributes(
        [
            SearchAttributePair(STAGE, InvitationStage.INVITED),
            SearchAttributePair(WAITING_FOR, WaitingFor.APPLICANT),
        ]
    )


def of_enquiry() -> TypedSearchAttributes:
    """What the forwarding of an enquiry starts with."""
    return TypedSearchAttributes(
        [SearchAttributePair(STAGE, EnquiryStage.RECEIVED), SearchAttributePair(WAITING_FOR, WaitingFor.SYSTEM)]
    )


def of_address_check() -> TypedSearchAttributes:
    """What the procedure of a mailed code starts with."""
    return TypedSearchAttributes(
        [SearchAttributePair(STAGE, CheckStage.CODE), SearchAttributePair(WAITING_FOR, WaitingFor.APPLICANT)]
    )
