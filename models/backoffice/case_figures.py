"""What is counted of all cases for those who run the program: numbers by procedure and stage, and no case by itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from models.backoffice.operation_permissions import PROCEDURES
from models.common.waiting_for import WaitingFor
from models.myics.batches import BATCH_WORKFLOW, BatchStage
from models.myics.registrations import RegistrationKind, RegistrationStage
from models.webhooks.messages import DELIVERY_WORKFLOW, WebhookStage
from models.yayoi.address_checks import CheckPurpose, CheckStage
from models.yayoi.procedures import APPLICATION_WORKFLOW, OFFICE_WORKFLOW, ApplicationStage, Stage

COUNTED_BACK = timedelta(days=28)
"""For how long back mails and notices are counted."""
OTHER = "other"
"""What stands for what is in no list: a later build may have written it."""
_STAGES: Mapping[str, type[StrEnum]] = {
    OFFICE_WORKFLOW: Stage,
    APPLICATION_WORKFLOW: ApplicationStage,
    BATCH_WORKFLOW: BatchStage,
    DELIVERY_WORKFLOW: WebhookStage,
    **{purpose.workflow_type: CheckStage for purpose in CheckPurpose},
    **{kind.workflow_type: RegistrationStage for kind in RegistrationKind},
}
STAGES: Mapping[str, frozenset[str]] = {
    procedure: frozenset(str(stage) for stage in _STAGES[procedure]) for procedure in PROCEDURES
}
"""Of each procedure all stages that it has: what a figure may be labelled with."""
TURNS: Mapping[str, str] = {str(each): each.name.lower() for each in WaitingFor}
"""Whose turn it is, as figures call it: `applicant`, `holder`, `operator`, `system`."""


class MailState(StrEnum):
    """What has become of mails that did not arrive."""

    PENDING = "pending"
    """The mail server has not taken it yet."""
    HELD = "held"
    """It waits since a restore until somebody releases its case."""
    REFUSED = "refused"
    """Its recipient is refused for good."""
    RETURNED = "returned"
    """It was taken, and came back."""


@dataclass(frozen=True)
class ProcedureFigures:
    """Open cases of one procedure that need somebody's attention."""

    overdue: int = 0
    held: int = 0
    failing: int = 0
    """Some step keeps failing."""
    awaiting_approval: int = 0


@dataclass(frozen=True)
class CaseFigures:
    """All of it, as it is at one moment. Ages are in seconds; 0 where nothing waits."""

    waiting: Mapping[tuple[str, str, str], int]
    """Open cases by procedure, stage and whose turn it is."""
    procedures: Mapping[str, ProcedureFigures]
    mails: Mapping[MailState, int]
    oldest_pending_mail: float
    unstarted_forms: int
    oldest_unstarted_form: float
    dead_letters: int
    undelivered_events: int
    oldest_undelivered_event: float
    notices: Mapping[bool, int]
    """Completion notices of the last four weeks, by whether they went out by the due date."""
    acceptance_to_notice: Mapping[str, float]
    """Seconds, of those notices, by percentile (`50`, `90`); empty where there was none."""


def labels_of(procedure: str, stage: str, waiting_for: str) -> tuple[str, str, str]:
    """Return how a status row is counted; what is in no list is `other`."""
    known = STAGES.get(procedure, frozenset())
    return (
        procedure if procedure in STAGES else OTHER,
        stage if stage in known else OTHER,
        TURNS.get(waiting_for, OTHER),
    )
