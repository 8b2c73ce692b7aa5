"""The search attributes: the columns of the operators' lists, by which saved views filter. Nothing personal."""

from datetime import date, datetime, timedelta
from enum import StrEnum

from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from models.common.calendar import end_of
from models.common.waiting_for import WaitingFor

APPLICATION_NO = SearchAttributeKey.for_keyword("ApplicationNo")
STAGE = SearchAttributeKey.for_keyword("Stage")
WAITING_FOR = SearchAttributeKey.for_keyword("WaitingFor")
ASSIGNEE = SearchAttributeKey.for_keyword("Assignee")
PROCEDURE = SearchAttributeKey.for_keyword("Procedure")
EXISTING_CONTRACT_ID = SearchAttributeKey.for_keyword("ExistingContractId")
DUE_DATE = SearchAttributeKey.for_datetime("DueDate")
OVERDUE = SearchAttributeKey.for_bool("Overdue")
ON_HOLD = SearchAttributeKey.for_bool("OnHold")
FAILING = SearchAttributeKey.for_bool("Failing")

ALL: tuple[SearchAttributeKey[str] | SearchAttributeKey[datetime] | SearchAttributeKey[bool], ...] = (
    APPLICATION_NO,
    STAGE,
    WAITING_FOR,
    ASSIGNEE,
    PROCEDURE,
    EXISTING_CONTRACT_ID,
    DUE_DATE,
    OVERDUE,
    ON_HOLD,
    FAILING,
)


def of_new_case(
    number: str, stage: StrEnum, procedure: str, existing_contract_id: str, due: date, *, assignee: str | None = None
) -> TypedSearchAttributes:
    """What a case starts with. Its due date is the last second in Japan, so that the list shows the day itself."""
    in_charge = [SearchAttributePair(ASSIGNEE, assignee)] if assignee else []
    return TypedSearchAttributes(
        [
            *in_charge,
            SearchAttributePair(APPLICATION_NO, number),
            SearchAttributePair(STAGE, stage),
            SearchAttributePair(WAITING_FOR, WaitingFor.SYSTEM),
            SearchAttributePair(PROCEDURE, procedure),
            SearchAttributePair(EXISTING_CONTRACT_ID, existing_contract_id),
            SearchAttributePair(DUE_DATE, end_of(due) - timedelta(seconds=1)),
            SearchAttributePair(OVERDUE, False),
            SearchAttributePair(ON_HOLD, False),
        ]
    )
