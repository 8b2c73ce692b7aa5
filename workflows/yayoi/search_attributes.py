"""What 弥生's procedures start with as search attributes."""

from enum import StrEnum

from temporalio.common import SearchAttributePair, TypedSearchAttributes

from models.common.waiting_for import WaitingFor
from models.yayoi.address_checks import CheckStage
from models.yayoi.application_state import ApplicationState
from models.yayoi.enquiries import EnquiryStage
from models.yayoi.member_invitations import InvitationStage
from models.yayoi.messages import ApplicationCase, OfficeCase
from models.yayoi.office_state import OfficeState
from models.yayoi.procedures import ApplicationStage, Stage
from workflows.common.case_view import Columns
from workflows.common.search_attributes import (
    ASSIGNEE,
    FAILING,
    ON_HOLD,
    OVERDUE,
    STAGE,
    WAITING_FOR,
    columns_of,
    of_new_case,
)


def of_application(case: ApplicationCase) -> TypedSearchAttributes:
    """What a `MultiOfficeApplication` starts with; whom its offices wait for is in their own columns."""
    return of_new_case(
        case.case_no, ApplicationStage.RECEIVED, case.procedure, case.existing_contract_id, case.due_date
    )


def application_columns(state: ApplicationState) -> Columns:
    """What a `MultiOfficeApplication` shows: its own stage, and to whom all offices were given at first."""
    return {STAGE: state.stage, ASSIGNEE: state.in_charge, FAILING: True if state.failing else None}


def of_office(case: OfficeCase) -> TypedSearchAttributes:
    """What an `OfficeDataProcedure` starts with."""
    waits = [SearchAttributePair(WAITING_FOR, WaitingFor.SYSTEM)]
    flags = [SearchAttributePair(OVERDUE, False), SearchAttributePair(ON_HOLD, False)]
    in_charge = [SearchAttributePair(ASSIGNEE, case.assignee)] if case.assignee else []
    new = of_new_case(case.case_no, Stage.CHECK, case.procedure, case.existing_contract_id, case.due_date)
    return TypedSearchAttributes([*new, *waits, *flags, *in_charge])


def office_columns(state: OfficeState) -> Columns:
    """What an `OfficeDataProcedure` shows."""
    return columns_of(state) | {OVERDUE: state.overdue, ON_HOLD: state.held}


def _begins_at(stage: StrEnum, waiting_for: WaitingFor) -> TypedSearchAttributes:
    return TypedSearchAttributes([SearchAttributePair(STAGE, stage), SearchAttributePair(WAITING_FOR, waiting_for)])


OF_INVITATION = _begins_at(InvitationStage.INVITED, WaitingFor.APPLICANT)
OF_ENQUIRY = _begins_at(EnquiryStage.RECEIVED, WaitingFor.SYSTEM)
OF_ADDRESS_CHECK = _begins_at(CheckStage.CODE, WaitingFor.APPLICANT)
