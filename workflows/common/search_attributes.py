"""The search attributes: the columns of the operators' lists, by which saved views filter. Nothing personal."""

from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any

from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from models.common.calendar import end_of
from models.common.case_state import CaseState

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


def columns_of(state: CaseState) -> dict[SearchAttributeKey[Any], Any]:
    """Return what every case's columns show of its state."""
    return {
        STAGE: state.stage,
        WAITING_FOR: state.whose_turn,
        ASSIGNEE: state.assignee,
        FAILING: True if state.failing else None,
    }


def last_second_of(day: date) -> datetime:
    """Return when a day in Japan ends, in UTC: stores of search attributes do not read every offset."""
    return (end_of(day) - timedelta(seconds=1)).astimezone(UTC)


def of_new_case(
    number: str, stage: StrEnum, procedure: str, existing_contract_id: str, due: date
) -> TypedSearchAttributes:
    """What a case starts with. Its due date is the day's last second, so that the list shows the day itself."""
    return TypedSearchAttributes(
        [
            SearchAttributePair(APPLICATION_NO, number),
            SearchAttributePair(STAGE, stage),
            SearchAttributePair(PROCEDURE, procedure),
            SearchAttributePair(EXISTING_CONTRACT_ID, existing_contract_id),
            SearchAttributePair(DUE_DATE, last_second_of(due)),
        ]
    )
