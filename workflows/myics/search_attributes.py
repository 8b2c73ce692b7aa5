"""What MYICS' procedures start with as search attributes."""

from temporalio.common import SearchAttributePair, TypedSearchAttributes

from models.common.waiting_for import WaitingFor
from models.myics.batches import BATCH_LABEL
from models.myics.identifiers import BatchNo
from models.myics.registrations import RegistrationCase, RegistrationStage
from workflows.common.search_attributes import (
    APPLICATION_NO,
    EXISTING_CONTRACT_ID,
    PROCEDURE,
    WAITING_FOR,
    of_new_case,
)


def of_registration(case: RegistrationCase, stage: RegistrationStage) -> TypedSearchAttributes:
    """What a registration of MYICS starts with; its number is in the column of application numbers."""
    return of_new_case(case.registration_no, stage, case.kind.label, case.customer_no, case.expires_on)


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
