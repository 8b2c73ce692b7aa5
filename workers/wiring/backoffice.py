"""What is built for those who look at all cases."""

from activities.backoffice.broken_cases import BrokenCases
from activities.backoffice.differences import Differences
from activities.backoffice.digest import DigestActivities
from activities.backoffice.history_checks import HistoryChecks
from activities.backoffice.late_refusals import LateRefusals
from activities.backoffice.reconciliation import ReconciliationActivities
from activities.backoffice.restored_findings import RestoredFindings
from workers.wiring.dependencies import Activities, ActivityDependencies, activities_of
from workers.wiring.derived import desk_url
from workflows.backoffice.bounce_reading import BounceReading
from workflows.backoffice.daily_reconciliation import DailyReconciliation
from workflows.backoffice.morning_digest import MorningDigest

BACKOFFICE_WORKFLOWS = (MorningDigest, DailyReconciliation, BounceReading)


def build_backoffice_activities(dependencies: ActivityDependencies) -> Activities:
    """Build the activities of the morning digest and the reconciliation."""
    settings, sessions, client = dependencies.settings, dependencies.sessions, dependencies.client
    outbox, templates = dependencies.outbox, dependencies.templates
    smart_import = dependencies.registry.smart_import
    return activities_of(
        DigestActivities(sessions, outbox, templates, calendar=dependencies.calendar, desk_url=desk_url(settings)),
        ReconciliationActivities(
            dependencies.ledger,
            Differences(sessions, client, smart_import, BrokenCases(sessions, client, settings.temporal_task_queue)),
            LateRefusals(sessions),
            HistoryChecks(sessions, client, settings.temporal_task_queue),
            smart_import,
            restored=RestoredFindings(sessions),
            outbox=outbox,
            templates=templates,
            workflow_link=dependencies.workflow_link,
            desk_url=desk_url(settings),
            desk=settings.operators_mail,
        ),
    )
