"""The search attributes: the columns of the operators' lists and what their saved views ask for. Nothing personal."""

from datetime import datetime, timedelta

from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from models.address_checks import CheckStage
from models.calendar import end_of
from models.enquiries import EnquiryStage
from models.invitations import InvitationStage
from models.messages import ApplicationCase, OfficeCase
from models.myics.batches import BATCH_LABEL
from models.myics.identifiers import BatchNo
from models.myics.registrations import RegistrationCase, RegistrationStage
from models.procedures import ApplicationStage, Stage, WaitingFor

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


def of_registration(case: RegistrationCase, stage: RegistrationStage) -> TypedSearchAttributes:
    """What a registration of MYICS starts with; its number stands in the column of application numbers."""
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
    """What the working off of a file starts with."""
    firm = [SearchAttributePair(EXISTING_CONTRACT_ID, customer_no)] if customer_no else []
    return TypedSearchAttributes(
        [
            *firm,
            SearchAttributePair(APPLICATION_NO, batch_no),
            SearchAttributePair(WAITING_FOR, WaitingFor.SYSTEM),
            SearchAttributePair(PROCEDURE, BATCH_LABEL),
        ]
    )
