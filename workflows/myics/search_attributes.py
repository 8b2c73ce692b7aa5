"""What MYICS' procedures start with as search attributes."""

from datetime import timedelta

from temporalio.common import SearchAttributePair, TypedSearchAttributes

from models.common.calendar import end_of
from models.common.waiting_for import WaitingFor
from models.myics.batches import BATCH_LABEL
from models.myics.identifiers import BatchNo
from models.myics.registrations import RegistrationCase, RegistrationStage
from workflows.common.search_attributes import (
    APPLICATION_NO,
    DUE_DATE,
    EXISTING_CONTRACT_ID,
    ON_HOLD,
    OVERDUE,
    PROCEDURE,
    STAGE,
    WAITING_FOR,
)


def of_registration(case: RegistrationCase, stage: RegistrationStage) -> TypedSearchAttributes:
    """What a registration of MYICS starts with; its number is in the column of application numbers."""
    return TypedSearchAttributes(
        [
            SearchAttributePair(APPLICATION_NO, case.registration_no),
            SearchAttributePair(STAGE, stage),
            SearchAttributePair(WAITING_FOR, WaitingFor.SYSTEM),
            SearchAttributePair(PROCEDURE, case.kind.label),
            SearchAttributePair(EXISTING_CONTRACT_ID, case.customer_no),
            SearchAttributePair(DUE_DATE, end_of(case.expires_on) - timedelta(seconds=1)),
            SearchAttributePair(OVERDUE, False),
            SearchAttributePair(ON_HOLD, False),
        ]
    )


def of_batch(batch_no: BatchNo, customer_no: str | None) -> TypedSearchAttributes:
    """What the processing of a file starts with."""
    firm = [SearchAttributePair(EXISTING_CONTRACT_ID, customer_no)] if customer_no else []
    return TypedSearchAttributes(
        [
            *firm,
            SearchAttributePair(APPLICATION_NO, batch_no),
            SearchAttributePair(WAITING_FOR, WaitingFor.SYSTEM),
            SearchAttributePair(PROCEDURE, BATCH_LABEL),
        ]
    )
