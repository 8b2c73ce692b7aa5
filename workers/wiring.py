"""The composition root: from settings to running parts. Nothing is built anywhere else."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from functools import partial
from typing import Any

from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import Worker, WorkerDeploymentConfig

from activities.address_checks import AddressCheckActivities
from activities.assignment import AssignmentActivities
from activities.calendar import CalendarActivities
from activities.case_records import CaseRecordActivities
from activities.contract_ids import ContractIdPool
from activities.contracts import ContractActivities
from activities.customer_steps import CustomerStepActivities
from activities.differences import Differences
from activities.digest import AskedQueue, DigestActivities, Queues
from activities.enquiries import EnquiryActivities
from activities.failing import TellOfFailing
from activities.invitations import InvitationActivities
from activities.ledger import Ledger
from activities.links import LinkActivities
from activities.mail import MailActivities
from activities.mail_texts import MailTexts
from activities.outbox import MailTransport, Outbox, SmtpTransport
from activities.pair_check import PairCheckActivities
from activities.postgres_registry import postgres_registry
from activities.reconciliation import ReconciliationActivities
from activities.refused_forms import RefusedFormActivities
from activities.sharing import SharingActivities
from activities.smart_import import SmartImportActivities
from activities.webhook_delivery import WebhookDeliveryActivities
from activities.webhook_post import HttpPoster
from activities.webhook_publishing import WebhookPublishingActivities
from models.calendar import BusinessCalendar
from models.case_links import case_link, operators_link, workflow_link
from models.form_mapping import OwnFields, Translation
from models.webhook_secrets import secrets_of
from web.app import create_app
from workers.errors import ClearError
from workers.form_mapping_file import read_mapping
from workers.settings import Settings
from workers.wiring_myics import MYICS_WORKFLOWS, build_myics_activities
from workflows import queues
from workflows.case_link_mail import CaseLinkMail
from workflows.daily_reconciliation import DailyReconciliation
from workflows.enquiry_forwarding import EnquiryForwarding
from workflows.member_invitation import MemberInvitation
from workflows.morning_digest import MorningDigest
from workflows.multi_office_application import MultiOfficeApplication
from workflows.office_data_procedure import OfficeDataProcedure
from workflows.password_setting import PasswordSetting
from workflows.queues import Queue
from workflows.refused_form import RefusedForm
from workflows.webhook_delivery import WebhookDelivery
from workflows.yayoi_id_registration import YayoiIdRegistration

WORKFLOWS = (
    MultiOfficeApplication,
    OfficeDataProcedure,
    CaseLinkMail,
    MorningDigest,
    DailyReconciliation,
    YayoiIdRegistration,
    PasswordSetting,
    MemberInvitation,
    EnquiryForwarding,
    WebhookDelivery,
    RefusedForm,
    *MYICS_WORKFLOWS,
)
DRAIN = timedelta(seconds=20)
"""How long a worker that is told to stop lets its activities in hand finish."""


def build_activities(
    settings: Settings,
    sessions: async_sessionmaker[AsyncSession],
    client: Client,
    *,
    transport: MailTransport | None = None,
) -> list[Callable[..., Any]]:
    """Build every activity on its real parts; to replace one of the vendor's systems, give another `Registry` here."""
    ledger = Ledger(sessions)
    registry = postgres_registry(ContractIdPool(settings.contract_id_first, settings.contract_id_last))
    check = PairCheckActivities(sessions, registry)
    smart_import = SmartImportActivities(ledger, registry.smart_import)
    sharing = SharingActivities(sessions, ledger, registry.sharing)
    links = LinkActivities(ledger, registry.links)
    contracts = ContractActivities(ledger, registry.contracts, registry.links)
    steps = CustomerStepActivities(ledger, registry.yayoi_ids)
    transport = transport or _transport(settings)
    outbox = Outbox(sessions, transport, settings.mail_from)
    mail = MailActivities(sessions, outbox, _texts(settings))
    records = CaseRecordActivities(sessions, ledger)
    assignment = AssignmentActivities(sessions, ledger)
    business_calendar = BusinessCalendar(settings.closing_days)
    calendar = CalendarActivities(business_calendar)
    digest = DigestActivities(
        sessions,
        client,
        outbox,
        calendar=business_calendar,
        queues_of=partial(_queues, settings),
        case_link=partial(workflow_link, temporal_ui_url(settings), settings.temporal_namespace),
    )
    reconciliation = ReconciliationActivities(
        ledger,
        Differences(sessions, client, registry.smart_import),
        registry.smart_import,
        outbox,
        office_link=partial(operators_link, temporal_ui_url(settings), settings.temporal_namespace),
        desk=settings.operators_mail,
    )
    publishing = WebhookPublishingActivities(sessions)
    poster = HttpPoster(allow_private=webhooks_may_be_private(settings))
    delivery = WebhookDeliveryActivities(sessions, poster, outbox, desk=settings.operators_mail)
    refused_forms = RefusedFormActivities(outbox, desk=settings.operators_mail)
    address_checks = AddressCheckActivities(
        sessions, outbox, secret_key=secret_key(settings), public_url=public_url(settings)
    )
    invitations = InvitationActivities(
        sessions, outbox, secret_key=secret_key(settings), public_url=public_url(settings)
    )
    enquiries = EnquiryActivities(outbox, settings.operators_mail)
    return [
        check.check_pair,
        smart_import.freeze_smart_import,
        smart_import.thaw_smart_import,
        sharing.sharing_state,
        sharing.end_sharing,
        sharing.restore_sharing,
        links.remember_links,
        links.record_relink,
        contracts.issue_contract_id,
        contracts.attach_to_contract,
        contracts.revoke_contract_id,
        steps.record_set_up_step,
        mail.send_mail,
        records.record_action,
        records.correct_pair,
        records.close_office,
        records.close_application,
        calendar.business_days,
        assignment.assign_operator,
        address_checks.send_code,
        address_checks.close_check,
        address_checks.tell_of_new_password,
        invitations.mail_invitation,
        invitations.close_invitation,
        enquiries.forward_enquiry,
        digest.digest_recipients,
        digest.send_digest,
        reconciliation.find_differences,
        reconciliation.find_left_open,
        reconciliation.look_again,
        reconciliation.thaw_left_frozen,
        reconciliation.freeze_again,
        reconciliation.report_differences,
        publishing.publish_stage_change,
        delivery.deliver_webhook,
        delivery.report_webhook_trouble,
        delivery.give_up_webhook,
        refused_forms.report_refused_form,
        *build_myics_activities(
            settings,
            sessions,
            ledger,
            Outbox(sessions, transport, settings.myics_mail_from),
            secret_key=secret_key(settings),
            public_url=public_url(settings),
            ui_url=temporal_ui_url(settings),
        ),
    ]


def build_worker(
    client: Client,
    settings: Settings,
    sessions: async_sessionmaker[AsyncSession],
    *,
    workflows: Sequence[type] = WORKFLOWS,
    max_cached_workflows: int = 1000,
) -> Worker:
    """Build the worker; the sandbox stays on."""
    return Worker(
        client,
        task_queue=settings.temporal_task_queue,
        workflows=workflows,
        activities=build_activities(settings, sessions, client),
        max_cached_workflows=max_cached_workflows,
        graceful_shutdown_timeout=DRAIN,
        interceptors=[TellOfFailing()],
        deployment_config=_deployment(settings),
    )


def _deployment(settings: Settings) -> WorkerDeploymentConfig | None:
    if settings.build_id is None:
        return None
    return WorkerDeploymentConfig(
        version=WorkerDeploymentVersion(settings.deployment_name, settings.build_id),
        use_worker_versioning=True,
        # A case lasts for weeks, less than a build can be kept: it ends with the code that it began with.
        default_versioning_behavior=VersioningBehavior.PINNED,
    )


def build_web(settings: Settings, sessions: async_sessionmaker[AsyncSession], client: Client) -> FastAPI:
    """Build the web application. The client may be lazy: applications are taken while Temporal is away."""
    form_secrets = settings.form_webhook_secrets
    return create_app(
        sessions=sessions,
        client=client,
        calendar=BusinessCalendar(settings.closing_days),
        public_url=public_url(settings),
        secret_key=secret_key(settings),
        ui_url=temporal_ui_url(settings),
        namespace=settings.temporal_namespace,
        task_queue=settings.temporal_task_queue,
        reconcile_every=settings.reconcile_every,
        api_keys=tuple(key.get_secret_value() for key in settings.api_keys),
        form_secrets=secrets_of(form_secrets.get_secret_value()) if form_secrets else (),
        form_translation=form_translation(settings),
    )


def secret_key(settings: Settings) -> str:
    """Return the key that signs links. Raises `ClearError` if there is none: links must survive a restart."""
    if settings.secret_key is None:
        raise ClearError("TETSUZUKI_SECRET_KEY is not set; it signs links, forms and codes. Set a long random text.")
    return settings.secret_key.get_secret_value()


def public_url(settings: Settings) -> str:
    """Return where applicants reach the web."""
    return settings.public_url or f"http://{settings.web_host}:{settings.web_port}"


def temporal_ui_url(settings: Settings) -> str:
    """Return where operators reach the Temporal Web UI."""
    return settings.temporal_ui_url or f"http://127.0.0.1:{settings.temporal_ui_port}"


def form_translation(settings: Settings) -> Translation:
    """Return what turns a form provider's fields into ours. Raises `ClearError` for a mapping that is wrong."""
    return read_mapping(settings.form_mapping) if settings.form_mapping else OwnFields()


def webhooks_may_be_private(settings: Settings) -> bool:
    """Whether webhooks may go to this machine and its network: unless set, where the database is the embedded one."""
    allowed = settings.webhook_allow_private
    return settings.database_url is None if allowed is None else allowed


def _queues(settings: Settings, today: date, operator: str | None) -> Queues:
    """Return what a morning digest counts: every queue of the operators' day but what was closed."""
    asked = queues.Asked(today, operator)
    link = partial(queues.link, temporal_ui_url(settings), settings.temporal_namespace)
    built = {
        queue: AskedQueue(queue.value, queue.query(asked), link(queue, asked))
        for queue in Queue
        if queue is not Queue.CLOSED_TODAY
    }
    return Queues(tuple(built.values()), built[Queue.WAITING_FOR_OPERATOR])


def _texts(settings: Settings) -> MailTexts:
    return MailTexts(
        partial(case_link, public_url(settings), secret_key(settings)),
        partial(operators_link, temporal_ui_url(settings), settings.temporal_namespace),
        settings.operators_mail,
    )


def _transport(settings: Settings) -> SmtpTransport:
    password = settings.smtp_password.get_secret_value() if settings.smtp_password else None
    return SmtpTransport(
        settings.smtp_host, settings.smtp_port, user=settings.smtp_user, password=password, tls=settings.smtp_tls
    )
