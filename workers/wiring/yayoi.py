"""What is built for every activity but MYICS' own, by the system that it touches."""

from datetime import date
from functools import partial

from activities.backoffice.differences import Differences
from activities.backoffice.digest import DigestActivities, DigestQueue, Queues
from activities.backoffice.history_checks import HistoryChecks
from activities.backoffice.late_refusals import LateRefusals
from activities.backoffice.reconciliation import ReconciliationActivities
from activities.common.assignment import AssignmentActivities
from activities.common.bounces import BounceActivities
from activities.common.calendar import CalendarActivities
from activities.common.case_requests import CaseRequestActivities
from activities.common.case_status import CaseStatusActivities
from activities.common.failures import FailureActivities
from activities.webhooks.delivery import WebhookDeliveryActivities
from activities.webhooks.http_post import HttpPoster
from activities.yayoi.address_checks import AddressCheckActivities
from activities.yayoi.case_records import CaseRecordActivities
from activities.yayoi.contracts import ContractActivities
from activities.yayoi.customer_steps import CustomerStepActivities
from activities.yayoi.desk_mails import DeskMailActivities
from activities.yayoi.drafts import DraftActivities
from activities.yayoi.holder_confirmation import HolderConfirmationActivities
from activities.yayoi.invitations import InvitationActivities
from activities.yayoi.mail import MailActivities
from activities.yayoi.mail_texts import MailTexts
from activities.yayoi.pair_check import PairCheck, PairCheckActivities
from activities.yayoi.service_links import LinkActivities
from activities.yayoi.sharing import SharingActivities
from activities.yayoi.smart_import import SmartImportActivities
from models.common.store.bounces import Bounces
from models.yayoi.case_links import case_link
from workers.settings import Settings
from workers.wiring.dependencies import Activities, ActivityDependencies, activities_of
from workers.wiring.derived import bounce_mailbox, desk_url, public_url, secret_keys, webhooks_may_be_private
from workflows.backoffice import queues
from workflows.backoffice.queues import Queue


def build_application_activities(dependencies: ActivityDependencies) -> Activities:
    """Build every activity but MYICS' own."""
    settings, sessions, ledger = dependencies.settings, dependencies.sessions, dependencies.ledger
    registry, outbox, desk = dependencies.registry, dependencies.outbox, settings.operators_mail
    templates = dependencies.templates
    key, url = secret_keys(settings), public_url(settings)
    check = PairCheck(registry)
    on_the_registry = activities_of(
        PairCheckActivities(sessions, check),
        SmartImportActivities(sessions, ledger, registry.smart_import),
        SharingActivities(sessions, ledger, registry.sharing),
        LinkActivities(ledger, registry.links),
        ContractActivities(sessions, ledger, registry.contracts, registry.links),
        CustomerStepActivities(ledger, registry.yayoi_ids),
    )
    on_our_records = activities_of(
        CaseRecordActivities(sessions, ledger, check),
        AssignmentActivities(ledger),
        CaseStatusActivities(ledger),
        CaseRequestActivities(sessions, ledger),
        BounceActivities(sessions, Bounces(sessions, _nobody), bounce_mailbox(settings)),
        FailureActivities(dependencies.client),
        CalendarActivities(dependencies.calendar),
    )
    for_customers = activities_of(
        MailActivities(sessions, outbox, _mail_texts(dependencies), registry.contracts),
        AddressCheckActivities(sessions, ledger, outbox, templates, secret_keys=key, public_url=url),
        DraftActivities(outbox, templates, secret_keys=key, public_url=url),
        InvitationActivities(sessions, outbox, templates, secret_keys=key, public_url=url),
        HolderConfirmationActivities(
            sessions, ledger, outbox, registry.contracts, templates, secret_keys=key, public_url=url
        ),
    )
    for_operators = activities_of(
        DigestActivities(
            sessions,
            dependencies.client,
            outbox,
            templates,
            calendar=dependencies.calendar,
            queues_of=partial(_queues, settings),
            desk_url=desk_url(settings),
        ),
        ReconciliationActivities(
            ledger,
            Differences(sessions, dependencies.client, registry.smart_import),
            LateRefusals(sessions),
            HistoryChecks(sessions, dependencies.client, settings.temporal_task_queue),
            registry.smart_import,
            outbox=outbox,
            templates=templates,
            workflow_link=dependencies.workflow_link,
            desk=desk,
        ),
        DeskMailActivities(outbox, templates, registry.contracts, desk),
    )
    for_other_systems = activities_of(
        WebhookDeliveryActivities(
            sessions, HttpPoster(allow_private=webhooks_may_be_private(settings)), outbox, templates, desk=desk
        ),
    )
    return [*on_the_registry, *on_our_records, *for_customers, *for_operators, *for_other_systems]


def _nobody() -> None:
    """The web's own reconciler looks for what was stored."""


def _queues(settings: Settings, today: date, operator: str | None) -> Queues:
    """Return what a morning digest counts: every queue of the operators' day but what was closed."""
    filtered = queues.QueueFilter(today, operator)
    link = partial(queues.link, desk_url(settings), settings.temporal_namespace)
    built = {
        queue: DigestQueue(queue.value, queue.query(filtered), link(queue, filtered))
        for queue in Queue
        if queue is not Queue.CLOSED_TODAY
    }
    return Queues(tuple(built.values()), built[Queue.WAITING_FOR_OPERATOR])


def _mail_texts(dependencies: ActivityDependencies) -> MailTexts:
    settings = dependencies.settings
    return MailTexts(
        dependencies.registry,
        dependencies.templates,
        partial(case_link, public_url(settings), secret_keys(settings)),
        desk_url(settings),
        settings.operators_mail,
    )
