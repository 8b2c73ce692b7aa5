"""What MYICS' procedures start with as search attributes."""

from temporalio.common import SearchAttributePair, TypedSearchAttributes

from models.common.waiting_for import WaitingFor
from models.myics.batch_state import BatchState
from models.myics.batches import BATCH_LABEL, BatchCase, BatchStage
from models.myics.registrations import RegistrationCase, RegistrationStage
from models.myics.state import RegistrationState
from workflows.common.case_view import Columns
from workflows.common.search_attributes import (
    APPLICATION_NO,
    DUE_DATE,
    EXISTING_CONTRACT_ID,
    FAILING,
    PROCEDURE,
    STAGE,
    WAITING_FOR,
    columns_of,
    last_second_of,
    of_new_case,
)


def of_registration(case: RegistrationCase, stage: RegistrationStage) -> TypedSearchAttributes:
    """What a registration of MYICS starts with; its number is in the column of application numbers."""
    return of_new_case(case.case_no, stage, case.kind.label, case.customer_no, case.expires_on)


def registration_columns(state: RegistrationState) -> Columns:
    """What a registration of MYICS shows."""
    return columns_of(state) | {DUE_DATE: last_second_of(state.expires_on)}


def of_batch(case: BatchCase) -> TypedSearchAttributes:
    """What the processing of a file starts with."""
    firm = [SearchAttributePair(EXISTING_CONTRACT_ID, case.customer_no)] if case.customer_no else []
    return TypedSearchAttributes(
        [
            *firm,
            SearchAttributePair(APPLICATION_NO, case.case_no),
            SearchAttributePair(STAGE, BatchStage.REGISTERING),
            SearchAttributePair(WAITING_FOR, WaitingFor.SYSTEM),
            SearchAttributePair(PROCEDURE, BATCH_LABEL),
        ]
    )


def batch_columns(state: BatchState) -> Columns:
    """What the processing of a file shows."""
    return columns_of(state) | {FAILING: True if state.failing or state.held_up else None}
