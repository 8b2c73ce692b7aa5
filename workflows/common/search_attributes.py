"""The search attributes: the columns of the operators' lists, by which saved views filter. Nothing personal."""

from datetime import datetime

from temporalio.common import SearchAttributeKey

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
