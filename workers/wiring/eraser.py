"""Builds the worker that alone may delete: retention, and erasing persons, on a task queue of its own."""

from datetime import timedelta

from temporalio.client import Client
from temporalio.worker import Worker, WorkflowRunner

from activities.backoffice.erasures import ErasureActivities
from activities.backoffice.retention import RetentionActivities
from models.common.store.sessions import DatabaseSessions
from models.common.task_queues import erasing_queue
from workers.histories import Histories
from workers.journal import JournalFile
from workers.settings import Settings
from workers.telemetry.tracing import traced_activities, traced_runner
from workers.wiring.dependencies import Activities, activities_of
from workers.wiring.root import DRAIN, UNRESTRICTED, deployment, started_by_us
from workflows.backoffice.person_erasure import PersonErasure, PersonLookUp
from workflows.backoffice.retention import Retention
from workflows.common.unknown_type import OfUnknownType

ERASING_WORKFLOWS = (Retention, PersonLookUp, PersonErasure)


def build_erasing_activities(settings: Settings, sessions: DatabaseSessions, client: Client) -> Activities:
    """Build its activities on their real parts."""
    histories = Histories(client)
    return activities_of(
        RetentionActivities(sessions, histories.closed, histories.is_open),
        ErasureActivities(sessions, client, JournalFile.of(settings), settings.backups_kept),
    )


def build_eraser(
    client: Client,
    settings: Settings,
    sessions: DatabaseSessions,
    *,
    drain: timedelta = DRAIN,
    versioned: bool = True,
    runner: WorkflowRunner = UNRESTRICTED,
) -> Worker:
    """Build the worker; its sessions are of the role *erase*. For the parameters see `build_worker`."""
    return Worker(
        client,
        task_queue=erasing_queue(settings.temporal_task_queue),
        workflows=[*ERASING_WORKFLOWS, OfUnknownType],
        workflow_runner=started_by_us(settings, traced_runner(runner, settings)),
        activities=build_erasing_activities(settings, sessions, client),
        interceptors=traced_activities(settings),
        graceful_shutdown_timeout=drain,
        deployment_config=deployment(settings) if versioned else None,
    )
