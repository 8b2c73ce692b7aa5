"""What is built for every procedure, whichever product it belongs to."""

from activities.common.assignment import AssignmentActivities
from activities.common.bounces import BounceActivities
from activities.common.calendar import CalendarActivities
from activities.common.case_requests import CaseRequestActivities
from activities.common.case_status import CaseStatusActivities
from activities.common.failures import FailureActivities
from activities.common.lost_operations import LostOperationActivities
from models.common.store.bounces import Bounces
from workers.wiring.dependencies import Activities, ActivityDependencies, activities_of
from workers.wiring.derived import bounce_mailbox


def build_engine_activities(dependencies: ActivityDependencies) -> Activities:
    """Build the activities of the case engine."""
    sessions, ledger = dependencies.sessions, dependencies.ledger
    return activities_of(
        AssignmentActivities(ledger),
        CaseStatusActivities(ledger),
        CaseRequestActivities(sessions, ledger),
        BounceActivities(sessions, Bounces(sessions, _nobody), bounce_mailbox(dependencies.settings)),
        LostOperationActivities(sessions),
        FailureActivities(dependencies.client),
        CalendarActivities(dependencies.calendar),
    )


def _nobody() -> None:
    """The web's own reconciler looks for what was stored."""
