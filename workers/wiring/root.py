"""The composition root of the workers: builds activities and workers from settings."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from typing import Self

from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import UnsandboxedWorkflowRunner, Worker, WorkerDeploymentConfig, WorkflowRunner

from activities.common.failing_interceptor import NotifyOfFailing
from activities.common.given_up_interceptor import EndBeforeGivenUp
from activities.common.mail_templates import mail_templates
from activities.common.outbox import MAILS_AT_ONCE, MailTransport, Outbox
from activities.common.smtp import SmtpTransport
from activities.yayoi.contract_ids import ContractIdPool
from activities.yayoi.registry.postgres import postgres_registry
from activities.yayoi.registry.protocols import Registry
from models.backoffice.operation_permissions import OPERATION_PERMISSIONS
from models.common.allowed_actors import Permissions
from models.common.calendar import BusinessCalendar
from models.common.store.ledger import Ledger
from models.common.store.sessions import DatabaseSessions
from models.common.task_queues import mails_queue
from models.yayoi.store.smart_import import PostgresSmartImport
from models.yayoi.store.stage_changes import publish_stage_change
from workers.build_id import build_id
from workers.known_keys import KnownKeys
from workers.settings import Settings
from workers.signed_updates import SignedUpdates, check_validators
from workers.start_guard import StartGuard
from workers.telemetry.tracing import traced_activities, traced_runner
from workers.tls import smtp_security
from workers.wiring.backoffice import BACKOFFICE_WORKFLOWS, build_backoffice_activities
from workers.wiring.dependencies import Activities, ActivityDependencies
from workers.wiring.derived import named_in_mails, secret_keys
from workers.wiring.engine import build_engine_activities
from workers.wiring.myics import MYICS_WORKFLOWS, build_myics_activities
from workers.wiring.webhooks import WEBHOOK_WORKFLOWS, build_webhook_activities
from workers.wiring.yayoi import YAYOI_WORKFLOWS, build_yayoi_activities
from workflows.common.unknown_type import OfUnknownType

WORKFLOWS = (*YAYOI_WORKFLOWS, *MYICS_WORKFLOWS, *WEBHOOK_WORKFLOWS, *BACKOFFICE_WORKFLOWS)
DRAIN = timedelta(seconds=20)
"""How long a worker that stops lets its running activities finish."""
STEPS_AT_ONCE = 10
"""Steps that are tried within workflow tasks at once: each needs a connection to the database."""
UNRESTRICTED = UnsandboxedWorkflowRunner()
"""Workers run workflows without the SDK's sandbox, which costs a fifth of their CPU.

It guards nothing but our own code, and that is guarded where it is tested: tests and the replay of recorded histories
restrict it (`tests/support/sandbox.py`).
"""


class Workers:
    """The workers of one process, started and stopped together. They start only with public keys to verify with."""

    def __init__(self, workers: Sequence[Worker], keys: KnownKeys) -> None:
        self._workers = workers
        self.keys = keys
        """What they verify with: read anew every minute."""
        self._running = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as starting:
            await starting.enter_async_context(self.keys.kept_up_to_date())
            for worker in self._workers:
                await starting.enter_async_context(worker)
            self._running = starting.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        # All stop at once: each may wait for what is under way.
        await asyncio.gather(*(worker.shutdown() for worker in self._workers))
        await self._running.aclose()


def build_activities(
    settings: Settings,
    sessions: DatabaseSessions,
    client: Client,
    *,
    registry: Registry | None = None,
    transport: MailTransport | None = None,
) -> Activities:
    """Build every activity on its real parts.

    To replace one of the vendor's systems, give a `registry` of which that part is another: see
    `docs/replacing-a-system.md`.
    """
    transport = transport or build_transport(settings)
    dependencies = ActivityDependencies(
        settings,
        sessions,
        client,
        BusinessCalendar(settings.closing_days),
        ledger=Ledger(sessions, publish_stage_change),
        registry=registry or build_registry(settings),
        outbox=Outbox(sessions, transport, settings.mail_from, secret_keys(settings)),
        templates=mail_templates(**named_in_mails(settings)),
    )
    # MYICS is another vendor's: its mails come from another address.
    myics = replace(dependencies, outbox=Outbox(sessions, transport, settings.myics_mail_from, secret_keys(settings)))
    return [
        *build_engine_activities(dependencies),
        *build_yayoi_activities(dependencies),
        *build_myics_activities(myics),
        *build_webhook_activities(dependencies),
        *build_backoffice_activities(dependencies),
    ]


def build_registry(settings: Settings) -> Registry:
    """Build the default registry, all of it in Postgres."""
    return postgres_registry(
        ContractIdPool(settings.contract_id_first, settings.contract_id_last, settings.contract_id_block)
    )


def freezes_at_acceptance(settings: Settings) -> bool:
    """Whether smart import is the default: then an application is stored together with its freeze (Y12)."""
    return isinstance(build_registry(settings).smart_import, PostgresSmartImport)


def build_transport(settings: Settings) -> SmtpTransport:
    """Build what takes mails to the SMTP server. Raises `TlsError`."""
    password = settings.smtp_password.get_secret_value() if settings.smtp_password else None
    return SmtpTransport(
        settings.smtp_host,
        settings.smtp_port,
        user=settings.smtp_user,
        password=password,
        security=smtp_security(settings),
        bounces_to=settings.bounce_address,
    )


def build_worker(
    client: Client,
    settings: Settings,
    sessions: DatabaseSessions,
    *,
    registry: Registry | None = None,
    transport: MailTransport | None = None,
    workflows: Sequence[type] = WORKFLOWS,
    max_cached_workflows: int = 1000,
    drain: timedelta = DRAIN,
    versioned: bool = True,
    runner: WorkflowRunner = UNRESTRICTED,
    permissions: Permissions = OPERATION_PERMISSIONS,
) -> Workers:
    """Build the worker of the cases and that of the mails. For `registry` and `transport` see `build_activities`.

    Raises `UnvalidatedUpdateError` for a workflow that has an update without a validator.

    Not versioned: it takes every case, whatever build is current. Tests that know one build only use that. Another
    `runner` restricts the modules of the workflows, too. `permissions`: of other `workflows`.
    """
    check_validators(workflows)
    keys = KnownKeys(sessions)
    signed = SignedUpdates(lambda: keys.verifier, permissions)
    activities = build_activities(settings, sessions, client, registry=registry, transport=transport)
    of_build = deployment(settings) if versioned else None
    cases = Worker(
        client,
        task_queue=settings.temporal_task_queue,
        workflows=[*workflows, OfUnknownType],
        workflow_runner=started_by_us(settings, traced_runner(runner, settings)),
        activities=activities,
        max_cached_workflows=max_cached_workflows,
        max_concurrent_local_activities=STEPS_AT_ONCE,
        graceful_shutdown_timeout=drain,
        interceptors=[*traced_activities(settings), NotifyOfFailing(), EndBeforeGivenUp(), signed],
        deployment_config=of_build,
    )
    mails = Worker(
        client,
        task_queue=mails_queue(settings.temporal_task_queue),
        activities=activities,
        max_concurrent_activities=MAILS_AT_ONCE,
        graceful_shutdown_timeout=drain,
        interceptors=[*traced_activities(settings), NotifyOfFailing(), EndBeforeGivenUp()],
        deployment_config=of_build,
    )
    return Workers((cases, mails), keys)


def started_by_us(settings: Settings, runner: WorkflowRunner) -> WorkflowRunner:
    """Return what runs workflows, but those that strangers have started; in clear text nobody can tell which."""
    return StartGuard(runner) if settings.encrypt_histories else runner


def deployment(settings: Settings) -> WorkerDeploymentConfig:
    """Return as what a worker is known to Temporal's versioning."""
    return WorkerDeploymentConfig(
        version=WorkerDeploymentVersion(settings.deployment_name, build_id(settings)),
        use_worker_versioning=True,
        default_versioning_behavior=VersioningBehavior[settings.versioning_behavior.upper()],
    )
